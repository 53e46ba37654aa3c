"""`--apply-personal-data`: what is stored, written anew as the settings now say."""

from pathlib import Path

import dlt
from dlt import Pipeline

from app.session import Session
from drift import tables
from drift.redact import drift_redacted
from warehouse.errors import SettingError
from warehouse.purge import forget_packages, rewrite_file

KEPT = (
    "sources.drift.personal_data is keep, so there is nothing to apply: set it to hash or drop. "
    "What was hashed or dropped before cannot come back from here."
)


def redact(project: Path, *, demo: bool) -> list[str]:
    """Rewrites the raw tables and the models, and removes what is left of the old ones.

    Drift is not asked for anything. Raises `SettingError` where the setting is `keep`.
    """
    session = Session(project, demo=demo)
    if session.settings.keeps_personal_data:
        raise SettingError(KEPT)
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            if not _holds_meetings(pipeline):
                return ["rewritten  nothing: no run has stored anything yet"]
            # One table after another: a DuckLake's catalogue in a file is opened once at a time.
            dlt.config["extract.next_item_mode"] = "fifo"
            with session.steps.step("raw tables"):
                pipeline.run(drift_redacted())
            built = session.build()
        with session.steps.step("removal of older files"):
            forget_packages(pipeline)
            if session.database:
                rewrite_file(session.database, session.settings.bookings.duckdb_memory)
        session.publish(kept=1)
        session.paths.last_run.unlink(missing_ok=True)  # its sentence may quote what Drift said
        session.report()
        older, aside = "", []
        if session.database:
            older = "older published copies, and "
            aside = sorted(session.database.parent.glob(f"{session.database.name}.*-[1-9]*"))
        return [
            "rewritten  every raw table that may hold personal data, and the models:"
            f" {sum(built.rows.values()):,} rows",
            f"removed    {older}dlt's files of what it has loaded",
            *session.footer(),
            *(
                f"warning    {path} was set aside once, and is as it was: remove it"
                for path in aside
            ),
            *(f"warning    {finding}" for finding in built.warnings),
        ]


def _holds_meetings(pipeline: Pipeline) -> bool:
    """Whether a run or an import has stored anything."""
    name = pipeline.default_schema_name
    return name is not None and tables.VERSIONS.name in pipeline.schemas[name].tables
