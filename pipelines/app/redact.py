"""`--apply-personal-data` and `--forget`: what is stored, written anew without what has to go."""

from pathlib import Path

from dlt import Pipeline

from app.session import Session
from drift import tables
from drift.forgotten import remember
from drift.records import Row
from drift.redact import drift_redacted
from warehouse.errors import SettingError

KEPT = (
    "sources.drift.personal_data is keep, so there is nothing to apply: set it to hash or drop. "
    "What was hashed or dropped before cannot come back from here."
)


def redact(project: Path, visitor: str | None = None, *, demo: bool) -> list[str]:
    """Rewrites the raw tables and the models, and removes what is left of the old ones.

    Where a `visitor` is named, nothing personal of theirs is written from then on. Drift is not
    asked for anything. Raises `SettingError` where there is no visitor, and the setting is `keep`,
    and `VisitorError` for one who is neither an e-mail address nor a contact's id.
    """
    session = Session(project, demo=demo)
    if visitor is None and session.settings.keeps_personal_data:
        raise SettingError(KEPT)
    forgotten: list[Row] = []
    said: list[str] = []
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            pipeline.sync_destination()  # a machine that is new, or lost dlt's files, knows nothing
            if visitor is not None:
                forgotten, found = remember(pipeline, visitor)
                said = [f"forgotten  {found}"]
            if not holds_meetings(pipeline):
                if forgotten:
                    pipeline.run(drift_redacted(forgotten).with_resources(tables.FORGOTTEN.name))
                return said or ["rewritten  nothing: no run has stored anything yet"]
            session.redact(forgotten)
            built = session.build()
        session.publish()
        session.paths.last_run.unlink(missing_ok=True)  # its sentence may quote what Drift said
        session.report()
        older, aside = "", []
        if session.database:
            older = "older published copies, and "
            aside = sorted(session.database.parent.glob(f"{session.database.name}.*-[1-9]*"))
        return [
            *said,
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


def holds_meetings(pipeline: Pipeline) -> bool:
    """Whether a run or an import has stored anything."""
    name = pipeline.default_schema_name
    return name is not None and tables.VERSIONS.name in pipeline.schemas[name].tables
