"""The summary at the end of a run: one screen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from app import console
from app.session import Session
from warehouse.build import Built
from warehouse.models import DATASET
from warehouse.reading import Query

if TYPE_CHECKING:
    from drift.import_files import Tally

TOP_ROWS: Final = 5
NO_END: Final = 2445
"""The year in which a read ends: nothing starts later."""

METRICS: Final = {
    "bookings_by_agent": "agent_id, agent_name",
    "bookings_by_source": "meeting_source",
    "bookings_by_meeting_type": "meeting_type",
}
NEWEST_SYNC: Final = f"""
    select * from drift.syncs where sync_id = (select newest_sync_id from {DATASET}.data_health)
"""
FIGURES: Final = (
    "bookings, canceled_meetings, upcoming_meetings, cancel_rate, bookings_last_28_days"
)


def summarize(
    session: Session,
    built: Built,
    related: Sequence[str] = (),
    imported: Sequence[str] = (),
) -> list[str]:
    """Lines that say what the run read, added and built, and what the metrics now are.

    `related` are those of related records, `imported` those of an import, which is no sync.
    """
    with session.paths.published() as ask:
        tops = {name: _top(ask, name, key) for name, key in METRICS.items()}
        sync = {} if imported else next(iter(ask(NEWEST_SYNC)), {})
        meetings = ask(f"select meetings from {DATASET}.data_health")[0]["meetings"]
    lines = [
        *(_read(sync, meetings) if sync else imported),
        *related,
        f"built      {len(built.rows)} tables in {DATASET}, {sum(built.rows.values()):,} rows,"
        " all checks passed",
    ]
    lines += [f"warning    {finding}" for finding in built.warnings]
    if sync.get("gap_from"):
        lines.append(
            f"gap        over 30 days passed since the last run: meetings that took place from"
            f" {sync['gap_from']:%Y-%m-%d %H:%M} to {sync['gap_to']:%Y-%m-%d %H:%M} UTC were never"
            " seen whole (drift.syncs.gap_from, gap_to)"
        )
    for name, rows in tops.items():
        lines += ["", f"{DATASET}.{name}", *rows]
    return lines


def _read(sync: Mapping[str, Any], meetings: int) -> list[str]:
    """What was read; and how many meetings the warehouse now holds, delisted ones too."""
    seen, rejected, to = sync["meetings_seen"], sync["rejected"], sync["window_to"]
    until = "on" if to.year == NO_END else f"to {to:%Y-%m-%d}"
    return [
        f"read       {seen:,} meetings in {sync['requests']:,} requests, those that start from"
        f" {sync['window_from']:%Y-%m-%d %H:%M} UTC {until}",
        f"loaded     {meetings:,} in the warehouse, {sync['versions_added']:,} versions of"
        f" them new; {rejected:,} rejected" + (" (see drift.rejected_meetings)" * bool(rejected)),
    ]


def summarize_import(tally: "Tally", files: int, *, is_dry_run: bool = False) -> list[str]:
    """Lines that say what files held that the warehouse did not have."""
    known = tally.records - tally.new_versions - tally.rejected
    would = "would add" if is_dry_run else "added"
    return [
        f"read       {tally.records:,} records in {files:,} files",
        f"{would:<10} {tally.new_versions:,} versions, and with them {tally.new_meetings:,}"
        f" meetings that were not known; {tally.rejected:,} records rejected",
        f"known      {known:,} records were known, or came twice",
        *(
            f"rejected   {times:,} because {reason}"
            for reason, times in tally.reasons.most_common(TOP_ROWS)
        ),
    ]


def _top(ask: Query, name: str, key: str) -> list[str]:
    rows = ask(
        f"select {key}, {FIGURES} from {DATASET}.{name} order by bookings desc, 1 limit {TOP_ROWS}"
    )
    names = [column for group in (key, FIGURES) for column in group.split(", ")]
    return console.table(names, [list(row.values()) for row in rows])
