"""The commands that ask what is published: nothing is written, and Drift is not asked."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from dlt.destinations.exceptions import DatabaseTerminalException

from app.alarms import Alarms
from app.console import cell
from app.last_run import read_record
from app.paths import Paths
from app.settings import read_settings
from app.status import FORMS, LEASED, find_status
from warehouse.errors import SettingError, words_of
from warehouse.models import all_columns, alone, needed_by, read_models

SHOWN_ROWS = 3
"""Rows of a model that `--model` shows."""
NOT_YET = (
    "What {0} reads is not published yet ({1}): --model +{0} makes it from the raw tables, with all"
    " that it needs."
)


def report(project: Path, path: Path, *, demo: bool) -> list[str]:
    """`--report`: what is published, as a page; where it is."""
    from report import check_report, write_report  # noqa: PLC0415 - of no use to the others

    check_report(path)
    with Paths.of(project, read_settings(project), demo=demo).published() as query:
        write_report(query, project / "sql", path)
    return [f"report     {path}"]


def status(project: Path, *, demo: bool, form: str) -> tuple[Sequence[str], int]:
    """`--status`: how things stand, and the exit code that says it too."""
    settings = read_settings(project)
    paths = Paths.of(project, settings, demo=demo)
    is_free, trouble = paths.find_trouble()
    with paths.published() as query:
        clock = query("select newest_sync_at from bookings.data_health") if demo else []
        found = find_status(
            query,
            read_record(paths.last_run),
            run_under_way=not is_free or bool(query(LEASED)),
            trouble=trouble,
            stale_after_hours=settings.bookings.stale_after_hours,
            now=clock[0]["newest_sync_at"] if clock else None,
        )
    if not demo:
        Alarms(paths.last_run).looked(found)
    return FORMS[form](found), found.exit_code


def show_model(project: Path, name: str, *, demo: bool) -> list[str]:
    """`--model`: the rows that a model's file gives now, beside its columns' words.

    `name` is read from the published tables; `+name` with all that it needs, from the raw ones.
    """
    settings, models = read_settings(project), read_models(project / "sql")
    model = needed_by(name.removeprefix("+"), models)[-1]
    text = model.text
    if name.startswith("+"):
        text = alone(model.name, models, {"time_zone": settings.bookings.time_zone})
    with Paths.of(project, settings, demo=demo).published() as query:
        try:
            rows = query(f"select * from (\n{text}\n) as model limit {SHOWN_ROWS}")
            found = query(f"select count(*) as rows from (\n{text}\n) as model")
        except (duckdb.BinderException, DatabaseTerminalException) as error:
            if name.startswith("+"):
                raise
            raise SettingError(NOT_YET.format(name, words_of(error))) from error
    if not found and not name.startswith("+"):
        raise SettingError(NOT_YET.format(name, "a table is missing"))
    lines = [f"{model.name}: {model.description}", ""]
    words = all_columns(model, {model.name: model for model in models})
    width = max(map(len, words))
    for column, description in words.items():
        values = [cell(row[column]) for row in rows if column in row]
        lines.append(f"{column:{width}}  {' · '.join(values)}  -- {description}")
    total = found[0]["rows"] if found else 0
    return [*lines, "", f"{total:,} rows"]
