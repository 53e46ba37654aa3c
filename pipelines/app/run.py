"""The scheduled run, and the import of files: from Drift to what analysts open.

Reading order: here; then `session` (what they share with `redact`), and behind it the packages
`drift` (what is loaded) and `warehouse` (what is built and published).
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dlt import Pipeline
from dlt.extract import DltSource

from app.alarms import Alarms
from app.console import without_secrets
from app.errors import explain
from app.last_run import recorded
from app.session import Session
from app.summary import summarize, summarize_import
from drift import believe, drift_source, is_waiting
from drift import summary as related_lines
from drift.archive import count_archive, drift_archive, find_archive
from drift.import_files import Tally, count_import, drift_import
from drift.saved_files import find_files
from warehouse.build import Built

log = logging.getLogger("meetings")


def run(project: Path, *, demo: bool, full_refresh: bool, **accepted: bool) -> list[str]:
    """Reads Drift, builds, checks and publishes, then people's details; the summary.

    `accepted` are the arguments of `drift_source` that accept what is not believed.
    """
    session = Session(project, demo=demo)
    share = session.settings.bookings.max_delisted_share
    reading: dict[str, Any] = {
        "full_refresh": full_refresh,
        "max_delisted_share": share,
        **accepted,
    }
    with session.locked(), recorded(session.paths.last_run), ExitStack() as held:
        # A missing token is said before anything is made.
        source = None if demo else drift_source(**reading)
        with session.opened() as pipeline:
            with session.loading():
                if source is None:
                    from app.demo import demo_source  # noqa: PLC0415 - brings the fake Drift

                    source = held.enter_context(demo_source(pipeline, reading))
                numbers = source.with_resources(
                    "meetings", "users", "teams", "playbooks", "conversations"
                )
                with session.steps.step("sync"):
                    pipeline.run(numbers)
                    believe(numbers)
                session.redact_again()
                built = session.build()
                lines = summarize(pipeline, built, related_lines(numbers))
                has_more = is_waiting(pipeline, full_refresh=full_refresh)
            session.publish()
            session.report()
            if has_more:
                details = source.with_resources("contacts", "conversations_by_id")
                lines = _add_details(session, numbers, details, built, lines)
    lines = [*lines, "", *session.footer()]
    if not demo:
        Alarms(project).succeeded(lines)
    return lines


def _add_details(
    session: Session, numbers: DltSource, details: DltSource, built: Built, lines: list[str]
) -> list[str]:
    """Reads what costs a request each, and publishes again where that adds rows; the summary.

    The numbers are published by now: whatever goes wrong here is one more line.
    """
    pipeline = session.pipeline
    try:
        with session.loading():
            with session.steps.step("contacts"):
                pipeline.run(details)
            session.redact_again()
            if has_new := _has_loaded(pipeline):
                built = session.build()
            lines = summarize(pipeline, built, related_lines(numbers, details))
        if has_new:
            session.publish()
            session.report()
    except Exception as failure:  # noqa: BLE001 - said, and made good by the next run
        sentence = f"missing    people's details: {without_secrets(explain(failure)[0])}"
        log.warning(sentence)
        lines = [*lines, sentence]
    return lines


def _has_loaded(pipeline: Pipeline) -> bool:
    """Whether the last load had rows for tables that are not dlt's own."""
    trace = pipeline.last_trace
    rows = trace.last_normalize_info.row_counts if trace and trace.last_normalize_info else {}
    return any(count for table, count in rows.items() if not table.startswith("_dlt"))


def import_files(project: Path, paths: Sequence[Path], *, demo: bool) -> list[str]:
    """Loads saved answers, or an archive, builds, checks and publishes; the summary.

    Drift is not asked.
    """
    archive, tally = find_archive(paths), Tally()
    files = archive or find_files(paths)
    session = Session(project, demo=demo)
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            with session.steps.step("import"):
                pipeline.run((drift_archive if archive else drift_import)(files, tally))
            session.redact_again()
            built = session.build()
            lines = summarize(pipeline, built, imported=summarize_import(tally, len(files)))
        session.publish()
        session.report()
        return [*lines, "", *session.footer()]


def dry_import(project: Path, paths: Sequence[Path], *, demo: bool) -> list[str]:
    """What an import would add; nothing is written."""
    archive, tally = find_archive(paths), Tally()
    files = archive or find_files(paths)
    session = Session(project, demo=demo)
    with session.locked():
        session.paths.open().activate()
        (count_archive if archive else count_import)(files, tally)
    return summarize_import(tally, len(files), is_dry_run=True)
