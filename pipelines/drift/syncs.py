"""Rows of `syncs`: their ids, their times, and what became of those of a clock that ran ahead."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from . import tables
from .api import VISIBLE_DAYS
from .client import DriftClient
from .known_state import KnownState
from .server_clock import TOLERATED
from .versions import VersionSet

VISIBLE: Final = timedelta(days=VISIBLE_DAYS)
TICK: Final = timedelta(milliseconds=1)
SYNC_ID: Final = "%Y%m%dT%H%M%S.%fZ"

Row = dict[str, Any]


def begin_sync(
    stored: KnownState, last: Row, last_id: str | None, started_at: datetime
) -> tuple[Row, list[Row]]:
    """`sync_id`, `started_at` and `started_before` of a sync, and rows to be written anew: those
    of syncs that are later than now, as a clock had it that ran ahead.

    `last` is what the last read left, `last_id` the id of the last one, believed or not. Ids rise,
    whatever happens to any clock.
    """
    before, righted = last.get("started_at"), list[Row]()
    if before and before > started_at + TOLERATED:
        query = f"select {', '.join(tables.SYNCS)} from {tables.SYNC.name}"
        rows = stored.table(query, tables.SYNC.schema, tables.SYNC).to_pylist()
        righted = _righted(sorted(rows, key=lambda row: row["started_at"]), started_at)
        before = righted[-1]["started_at"] if righted else started_at - TICK
    started_at = max(started_at, before + TICK) if before else started_at
    sync_id = started_at.astimezone(UTC).strftime(SYNC_ID)
    if last_id and last_id >= sync_id:
        sync_id = (datetime.strptime(last_id, SYNC_ID) + TICK).strftime(SYNC_ID)
    return {"sync_id": sync_id, "started_at": started_at, "started_before": before}, righted


def _righted(rows: list[Row], now: datetime) -> list[Row]:
    """The rows (ascending) that are later than now, as far apart as they were, the last one now."""
    ahead = [row for row in rows if row["started_at"] > now + TOLERATED]
    earlier = [row["started_at"] for row in rows if row["started_at"] <= now + TOLERATED]
    before: datetime | None = earlier[-1] if earlier else None
    righted = []
    for row in ahead:
        at = now - TICK - (ahead[-1]["started_at"] - row["started_at"])
        at = max(at, before + TICK) if before else at
        by = row["started_at"] - at
        row |= {
            "started_at": at,
            **{name: row[name] - by for name in ("finished_at", "window_from")},
        }
        slept = bool(row["gap_from"] and before and before < row["window_from"])
        gap = {"gap_from": before, "gap_to": row["window_from"]} if slept else NO_GAP
        righted.append(row | gap)
        before = at
    return righted


NO_GAP: Final = {"gap_from": None, "gap_to": None}


def sync_row(
    begun: Row, versions: VersionSet, client: DriftClient, finished_at: datetime, to: datetime
) -> Row:
    """The row of a sync that has read all of its window, which ends at `to`; but for requests."""
    # `Date` is cut to the second, so the server may be almost one second further.
    server_time = (client.clock.last or finished_at) + timedelta(seconds=1)
    window_from, before = max(finished_at, server_time) - VISIBLE, begun["started_before"]
    slept = before is not None and before < window_from
    return {
        "sync_id": begun["sync_id"],
        "started_at": begun["started_at"],
        "finished_at": finished_at,
        "window_from": window_from,
        "window_to": to,
        "meetings_seen": versions.meetings_seen(),
        "versions_added": versions.versions_added,
        "rejected": len(versions.rejected),
        **({"gap_from": before, "gap_to": window_from} if slept else NO_GAP),
    }
