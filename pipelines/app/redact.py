"""`--apply-personal-data`: what is stored, written anew as the settings now say."""

import gc
from contextlib import ExitStack
from pathlib import Path

from dlt import Pipeline

from app.console import Steps
from app.paths import Paths
from app.settings import SettingError, read_settings
from drift import tables
from drift.redact import drift_redacted
from report import check_report, write_report
from warehouse.build import build
from warehouse.destination import RAW_STAGING, destination_label, duckdb_file, kept_open
from warehouse.lease import run_lease
from warehouse.lock import run_lock
from warehouse.purge import forget_packages, rewrite_file
from warehouse.recovery import finish_interrupted
from warehouse.snapshot import check_snapshot, publish

KEPT = (
    "sources.drift.personal_data is keep, so there is nothing to apply: set it to hash or drop. "
    "What was hashed or dropped before cannot come back from here."
)


def rewrite(project: Path, *, demo: bool) -> list[str]:
    """Rewrites the raw tables and the models, and removes what is left of the old ones.

    Drift is not asked for anything. Raises `SettingError` where the setting is `keep`.
    """
    gc.enable()
    settings, steps = read_settings(project), Steps()
    if settings.keeps_personal_data:
        raise SettingError(KEPT)
    paths = Paths.of(project, settings, demo=demo)
    wait = settings.lock_wait_seconds
    with ExitStack() as held:
        held.enter_context(run_lock(paths.lock, wait_seconds=wait))
        pipeline = paths.open()
        database = duckdb_file(pipeline)
        if not database:
            held.enter_context(run_lease(pipeline, paths.folder, wait_seconds=wait))
        else:
            check_snapshot(paths.snapshot, database)
        if report := None if demo else settings.report:
            check_report(report)
        with kept_open(database, settings.duckdb_memory):
            finish_interrupted(pipeline)
            if not _holds_meetings(pipeline):
                return ["rewritten  nothing: no run has stored anything yet"]
            with steps.step("raw tables"):
                pipeline.run(drift_redacted())
            with steps.step("models and checks"):
                built = build(pipeline, project / "sql", {"time_zone": settings.time_zone})
        with steps.step("removal of older files"):
            forget_packages(pipeline)
            if database:
                rewrite_file(database, settings.duckdb_memory)
                publish(database, paths.snapshot, without=[RAW_STAGING], kept=1)
            paths.last_run.unlink(missing_ok=True)  # its sentence may quote what Drift said
        if report:
            with paths.published() as ask:
                write_report(ask, project / "sql", report)
        where = str(paths.snapshot) if database else destination_label(pipeline)
        older = "older published copies, and " if database else ""
        return [
            "rewritten  every raw table that may hold personal data, and the models:"
            f" {sum(built.rows.values()):,} rows",
            f"removed    {older}dlt's files of what it has loaded",
            "took       "
            + ", ".join(f"{step} {took:.1f} s" for step, took in steps.seconds.items()),
            f"database   {where}",
            *(f"warning    {finding}" for finding in built.warnings),
        ]


def _holds_meetings(pipeline: Pipeline) -> bool:
    """Whether a run or an import has stored anything."""
    name = pipeline.default_schema_name
    return name is not None and tables.VERSIONS.name in pipeline.schemas[name].tables
