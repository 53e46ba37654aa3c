"""`--apply-personal-data` and `--forget`: what is stored, without what has to go."""

from pathlib import Path

from dlt import Pipeline

from app.session import Session
from drift import tables
from drift.redact import remember, remembered
from drift.tables import Row
from warehouse.errors import SettingError

KEPT = (
    "sources.drift.personal_data is keep, so there is nothing to apply: set it to hash or drop. "
    "What was hashed or dropped before cannot come back from here."
)


def apply(project: Path, visitor: str | None = None, *, demo: bool) -> list[str]:
    """Removes from the raw tables what may not be kept, makes the models anew, and removes older
    copies.

    Where a `visitor` is named, nothing personal of theirs is written from then on. Drift is not
    asked for anything. Raises `SettingError` where there is no visitor, and the setting is `keep`,
    and `VisitorError` for one who is neither an e-mail address nor a contact's id.
    """
    session = Session(project, demo=demo)
    if visitor is None and session.settings.source.personal_data == "keep":
        raise SettingError(KEPT)
    forgotten: list[Row] = []
    said: list[str] = []
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            pipeline.sync_destination()  # a machine that is new, or lost dlt's files, knows nothing
            if visitor is not None:
                forgotten, found = remember(pipeline, visitor)
                said = [f"forgotten  {found}"]
            if is_stored := holds_meetings(pipeline):
                session.paths.purge.touch()  # if this is killed, the next run completes it
            if forgotten:
                pipeline.run(remembered(forgotten))
            if not is_stored:
                return said or ["rewritten  nothing: no run has stored anything yet"]
            session.remove_personal_data()
        built = session.publish()
        session.paths.last_run.unlink(missing_ok=True)  # its sentence may quote what Drift said
        session.report()
        older = "older published copies, and " if session.warehouse.file else ""
        return [
            *said,
            "rewritten  every raw table that may hold personal data, and the models:"
            f" {sum(built.rows.values()):,} rows",
            f"removed    {older}dlt's files of what it has loaded",
            *session.footer(),
            *(f"warning    {finding}" for finding in built.warnings),
        ]


def holds_meetings(pipeline: Pipeline) -> bool:
    """Whether a run or an import has stored anything."""
    name = pipeline.default_schema_name
    return name is not None and tables.VERSIONS.name in pipeline.schemas[name].tables
