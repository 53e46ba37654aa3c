"""The summary at the end of a run: one screen."""

from collections.abc import Sequence
from typing import Any, Final

from dlt import Pipeline
from dlt.destinations.sql_client import SqlClientBase

import console
from dialect import located
from drift import last_read
from warehouse.models import DATASET, Built

TOP_ROWS: Final = 5
METRICS: Final = {
    "bookings_by_agent": "agent_id, agent_name",
    "bookings_by_source": "meeting_source",
    "bookings_by_meeting_type": "meeting_type",
}
FIGURES: Final = (
    "bookings, canceled_meetings, upcoming_meetings, cancel_rate, bookings_last_28_days"
)


def summarize(pipeline: Pipeline, built: Built, neighbours: Sequence[str]) -> list[str]:
    """Lines that say what the run read, added and built, and what the metrics now are."""
    with pipeline.sql_client() as client:
        sync = _sync(client, last_read(pipeline)["sync_id"])
        tops = {name: _top(client, name, key) for name, key in METRICS.items()}
    seen, rejected = sync["meetings_seen"], sync["rejected"]
    lines = [
        f"read       {seen:,} meetings in {sync['requests']:,} requests, the window from"
        f" {sync['window_from']:%Y-%m-%d %H:%M} UTC to {sync['window_to']:%Y-%m-%d}",
        f"loaded     {seen - rejected:,} in the warehouse, {sync['versions_added']:,} versions of"
        f" them new; {rejected:,} rejected" + (" (see drift.rejected_meetings)" * bool(rejected)),
        *neighbours,
        f"built      {len(built.rows)} tables in {DATASET}, {sum(built.rows.values()):,} rows,"
        " all checks passed",
    ]
    lines += [f"warning    {finding}" for finding in built.warnings]
    if sync["gap_from"]:
        lines.append(
            f"hole       over 30 days passed since the last run: meetings that took place from"
            f" {sync['gap_from']:%Y-%m-%d %H:%M} to {sync['gap_to']:%Y-%m-%d %H:%M} UTC were never"
            " seen whole (drift.syncs.gap_from, gap_to)"
        )
    for name, rows in tops.items():
        lines += ["", f"{DATASET}.{name}", *rows]
    return lines


def _sync(client: SqlClientBase[Any], sync_id: str) -> dict[str, Any]:
    query = f"select * from syncs where sync_id = '{sync_id}'"
    with client.execute_query(located(client, query)) as cursor:
        names = [column[0] for column in cursor.description or ()]
        (row,) = cursor.fetchall()
    return dict(zip(names, row, strict=True))


def _top(client: SqlClientBase[Any], name: str, key: str) -> list[str]:
    query = (
        f"select {key}, {FIGURES} from {DATASET}.{name} order by bookings desc, 1 limit {TOP_ROWS}"
    )
    with client.execute_query(located(client, query)) as cursor:
        names = [column[0] for column in cursor.description or ()]
        return console.table(names, cursor.fetchall())
