"""The summary at the end of a run: one screen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dlt import Pipeline
from dlt.destinations.sql_client import SqlClientBase

from app import console
from drift import last_read
from warehouse.build import Built
from warehouse.dialect import transpile
from warehouse.models import DATASET

if TYPE_CHECKING:
    from drift.import_files import Tally

TOP_ROWS: Final = 5
METRICS: Final = {
    "bookings_by_agent": "agent_id, agent_name",
    "bookings_by_source": "meeting_source",
    "bookings_by_meeting_type": "meeting_type",
}
FIGURES: Final = (
    "bookings, canceled_meetings, upcoming_meetings, cancel_rate, bookings_last_28_days"
)


def summarize(
    pipeline: Pipeline,
    built: Built,
    related: Sequence[str] = (),
    imported: Sequence[str] = (),
) -> list[str]:
    """Lines that say what the run read, added and built, and what the metrics now are.

    `related` are those of related records, `imported` those of an import, which is no sync.
    """
    with pipeline.sql_client() as client:
        tops = {name: _top(client, name, key) for name, key in METRICS.items()}
        sync = {} if imported else _sync(client, last_read(pipeline)["sync_id"])
    lines = [
        *(_read(sync) if sync else imported),
        *related,
        f"built      {len(built.rows)} tables in {DATASET}, {sum(built.rows.values()):,} rows,"
        " all checks passed",
    ]
    lines += [f"warning    {finding}" for finding in built.warnings]
    if sync.get("gap_from"):
        lines.append(
            f"hole       over 30 days passed since the last run: meetings that took place from"
            f" {sync['gap_from']:%Y-%m-%d %H:%M} to {sync['gap_to']:%Y-%m-%d %H:%M} UTC were never"
            " seen whole (drift.syncs.gap_from, gap_to)"
        )
    for name, rows in tops.items():
        lines += ["", f"{DATASET}.{name}", *rows]
    return lines


def _read(sync: Mapping[str, Any]) -> list[str]:
    seen, rejected = sync["meetings_seen"], sync["rejected"]
    return [
        f"read       {seen:,} meetings in {sync['requests']:,} requests, the window from"
        f" {sync['window_from']:%Y-%m-%d %H:%M} UTC to {sync['window_to']:%Y-%m-%d}",
        f"loaded     {seen - rejected:,} in the warehouse, {sync['versions_added']:,} versions of"
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
        f"passed     {known:,} records that were known, or came twice",
    ]


def _sync(client: SqlClientBase[Any], sync_id: str) -> dict[str, Any]:
    query = f"select * from syncs where sync_id = '{sync_id}'"
    with client.execute_query(transpile(client, query)) as cursor:
        names = [column[0] for column in cursor.description or ()]
        (row,) = cursor.fetchall()
    return dict(zip(names, row, strict=True))


def _top(client: SqlClientBase[Any], name: str, key: str) -> list[str]:
    query = (
        f"select {key}, {FIGURES} from {DATASET}.{name} order by bookings desc, 1 limit {TOP_ROWS}"
    )
    with client.execute_query(transpile(client, query)) as cursor:
        names = [column[0] for column in cursor.description or ()]
        return console.table(names, cursor.fetchall())
