"""The scheduled run, and the import of files: from Drift to what analysts open.

Reading order: here; then `session` (what they share with `personal_data`), and behind it the
packages `drift` (what is loaded) and `warehouse` (what is built and published).
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dlt import Pipeline
from dlt.extract import DltSource

from app.alarms import Alarms
from app.errors import explain
from app.last_run import recorded
from app.session import Session
from app.summary import summarize, summarize_import
from drift import check_read, drift_source, is_waiting
from drift import summary as related_lines
from drift.import_files import Tally, count_import, drift_import, find_archive
from drift.saved_files import find_files
from warehouse.build import Built

log = logging.getLogger("meetings")


def run(project: Path, *, demo: bool, full_refresh: bool, **accepted: bool) -> list[str]:
    """Reads Drift, builds, checks and publishes, then people's details; the summary.

    `accepted` are the arguments of `drift_source` that say what is accepted all the same.
    """
    session = Session(project, demo=demo)
    share = session.settings.bookings.max_delisted_share
    reading: dict[str, Any] = {
        "full_refresh": full_refresh,
        "max_delisted_share": share,
        **accepted,
    }
    with session.locked():
        with recorded(session.paths.last_run):
            lines = _read_and_publish(session, reading, demo=demo)
        if not demo:  # the record is at rest: two threads do not write it
            Alarms(session.paths.last_run).succeeded(lines)
    return lines


def _read_and_publish(session: Session, reading: dict[str, Any], *, demo: bool) -> list[str]:
    with ExitStack() as held:
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
                session.remove_what_came_since()
                with session.steps.step("sync"):
                    pipeline.run(numbers)
                    check_read(numbers)
                session.remove_what_came_since()
                has_more = is_waiting(pipeline, full_refresh=reading["full_refresh"])
            built = session.publish()
            lines = summarize(session, built, related_lines(numbers))
            session.report()
            if has_more:
                details = source.with_resources("contacts", "conversations_by_id")
                lines = _add_details(session, numbers, details, built, lines)
    return [*lines, "", *session.footer()]


def _add_details(
    session: Session, numbers: DltSource, details: DltSource, built: Built, lines: list[str]
) -> list[str]:
    """Reads what costs a request each, and publishes again where that adds rows; the summary.

    The numbers are published by now: whatever goes wrong here is one more line.
    """
    try:
        with session.loading():
            with session.steps.step("contacts"):
                session.pipeline.run(details)
            session.remove_what_came_since()
            has_new = _has_loaded(session.pipeline)
        if has_new:
            built = session.publish()
            session.report()
        lines = summarize(session, built, related_lines(numbers, details))
    except Exception as failure:  # noqa: BLE001 - said, and made good by the next run
        sentence = f"missing    people's details: {explain(failure)[0]}"
        log.warning(sentence)
        lines = [*lines, sentence]
    return lines


def _has_loaded(pipeline: Pipeline) -> bool:
    """Whether the last load had rows for tables that are not dlt's own."""
    trace = pipeline.last_trace
    rows = trace.last_normalize_info.row_counts if trace and trace.last_normalize_info else {}
    return any(count for table, count in rows.items() if not table.startswith("_dlt"))


def import_files(
    project: Path, paths: Sequence[Path], *, demo: bool, is_dry_run: bool
) -> list[str]:
    """Loads saved answers, or an archive, builds, checks and publishes; the summary.

    Drift is not asked. A dry run writes nothing, and says what would be added.
    """
    files, tally = find_archive(paths) or find_files(paths), Tally()
    session = Session(project, demo=demo)
    with session.locked(), session.opened() as pipeline:
        if is_dry_run:
            pipeline.activate()
            count_import(files, tally)
            return summarize_import(tally, len(files), is_dry_run=True)
        with session.loading():
            session.remove_what_came_since()
            with session.steps.step("import"):
                pipeline.run(drift_import(files, tally))
            session.remove_what_came_since()
        built = session.publish()
        lines = summarize(session, built, imported=summarize_import(tally, len(files)))
        session.report()
        return [*lines, "", *session.footer()]
