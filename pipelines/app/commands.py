"""What the command line does beside a run: it asks what is published, and reads no Drift."""

from collections.abc import Sequence
from pathlib import Path

from app import console
from app.paths import Paths
from app.settings import read_settings

SHOWN_ROWS = 3
"""Rows of a model that `--model` shows."""


def report(project: Path, path: Path, *, demo: bool) -> int:
    """`--report`: what is published, as a page."""
    from report import check_report, write_report  # noqa: PLC0415 - of no use to the others

    check_report(path)
    with Paths.of(project, read_settings(project), demo=demo).published() as ask:
        write_report(ask, project / "sql", path)
    console.summary([f"report     {path}"])
    return 0


def status(project: Path, *, demo: bool, in_json: bool) -> int:
    """`--status`: how things stand, on stdout; the exit code says it too."""
    from app.last_run import read_record  # noqa: PLC0415
    from app.status import LEASED, as_json, as_text, find_status  # noqa: PLC0415
    from warehouse.lock import is_held  # noqa: PLC0415

    settings = read_settings(project)
    paths = Paths.of(project, settings, demo=demo)
    with paths.published() as ask:
        clock = ask("select newest_sync_at from bookings.data_health") if demo else []
        found = find_status(
            ask,
            read_record(paths.last_run),
            run_under_way=is_held(paths.lock) or bool(ask(LEASED)),
            stale_after_hours=settings.stale_after_hours,
            now=clock[0]["newest_sync_at"] if clock else None,
        )
    console.summary([as_json(found)] if in_json else as_text(found))
    return found.exit_code


def dry_import(project: Path, files: Sequence[Path], *, demo: bool) -> list[str]:
    """`--import --dry-run`: what an import would add; nothing is written."""
    from app.summary import summarize_import  # noqa: PLC0415
    from drift.import_files import Tally, count_import  # noqa: PLC0415
    from warehouse.lock import run_lock  # noqa: PLC0415

    settings, tally = read_settings(project), Tally()
    paths = Paths.of(project, settings, demo=demo)
    with run_lock(paths.lock, wait_seconds=settings.lock_wait_seconds):
        paths.open().activate()
        count_import(files, tally)
    return summarize_import(tally, len(files), is_dry_run=True)


def show_model(project: Path, name: str, *, demo: bool) -> int:
    """`--model`: the rows that a model's file gives now; nothing is written.

    `name` is read from the published tables; `+name` with all that it needs, from the raw ones.
    """
    from warehouse.models import all_columns, alone, needed_by, read_models  # noqa: PLC0415

    settings, models = read_settings(project), read_models(project / "sql")
    model = needed_by(name.removeprefix("+"), models)[-1]
    query = model.text
    if name.startswith("+"):
        query = alone(model.name, models, {"time_zone": settings.time_zone})
    with Paths.of(project, settings, demo=demo).published() as ask:
        rows = ask(f"select * from (\n{query}\n) as model limit {SHOWN_ROWS}")
        found = ask(f"select count(*) as rows from (\n{query}\n) as model")
    lines = [f"{model.name}: {model.description}", ""]
    words = all_columns(model, {model.name: model for model in models})
    width = max(map(len, words))
    for column, text in words.items():
        values = [console.cell(row[column]) for row in rows if column in row]
        lines.append(f"{column:{width}}  {' · '.join(values)}  -- {text}")
    total = found[0]["rows"] if found else 0
    console.summary([*lines, "", f"{total:,} rows"])
    return 0
