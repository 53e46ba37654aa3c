"""The state of the pipeline, for an operator and for a monitor: what `--status` says.

The numbers come from the published tables, what a run left behind from its record and its lock. So
it works while a run is under way, and without a token.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from warehouse.reading import Query

FRESH, STALE, GAP = 0, 4, 5
EXIT_CODES: Final = {"fresh": FRESH, "stale": STALE, "never": STALE, "gap": GAP}
"""By state; beside the run's own codes, of which 1 says that the state could not be found out."""

OUTCOMES: Final = {None: "cut short", 0: "done", 130: "interrupted", 143: "interrupted"}

VISIBLE: Final = timedelta(days=30)
"""How long Drift shows a meeting after it took place. The source, not loaded here, has the same."""

SYNCS: Final = "select sync_id, gap_from, gap_to from bookings_internal.stg_syncs order by sync_id"
LEASED: Final = (
    "select owner from drift.run_lease where owner <> '' and expires_at > current_timestamp"
)
"""A run of another machine's, on destinations that several can share."""


@dataclass(frozen=True)
class Status:
    """What is known of the pipeline at `checked_at`. Times are UTC.

    The keys of `--status --json` are these names. What `bookings.data_health` has too is called as
    it is there.
    """

    state: str  # fresh, stale, gap (over 30 days before the newest read, or since), never
    checked_at: datetime
    newest_sync_at: datetime | None  # when the newest read that is published began
    data_age_hours: float | None
    stale_after_hours: float
    gap_opens_at: datetime | None  # what took place just after the newest read leaves Drift's reach
    days_until_gap: float | None  # negative once it has opened
    open_gaps: int  # reads that came over 30 days after the one before
    gaps: Sequence[Mapping[str, datetime]]  # gap_from, gap_to: meeting times that no read saw whole
    meetings: int
    rejected: int  # records in drift.rejected_meetings
    run_under_way: bool
    last_run: Mapping[str, Any] | None  # on this machine: see `_last_run`
    trouble: str | None  # what is wrong with the pipeline's own DuckDB file

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.state]


def find_status(
    query: Query,
    record: Mapping[str, Any],
    *,
    run_under_way: bool,
    stale_after_hours: float,
    trouble: str | None = None,
    now: datetime | None = None,
) -> Status:
    """The status by what the tables, the record of the last run and its lock say.

    `now` is the newest read's own time where that is given as the clock (the demo's days are not
    those of the calendar).
    """
    health = next(iter(query("select * from bookings.data_health")), {})
    gaps = [sync for sync in query(SYNCS) if sync["gap_from"]]
    newest: datetime | None = health.get("newest_sync_at")
    checked_at = now or datetime.now(UTC)
    state, opens_at, age, left = "never", None, None, None
    if newest:
        opens_at = newest + VISIBLE
        age = max(checked_at - newest, timedelta()) / timedelta(hours=1)
        left = (opens_at - checked_at) / timedelta(days=1)
        late = gaps and gaps[-1]["sync_id"] == health["newest_sync_id"]
        old = "stale" if age > stale_after_hours else "fresh"
        state = "gap" if late or left < 0 else old
    return Status(
        state=state,
        checked_at=checked_at,
        newest_sync_at=newest,
        data_age_hours=age,
        stale_after_hours=stale_after_hours,
        gap_opens_at=opens_at,
        days_until_gap=left,
        open_gaps=len(gaps),
        gaps=[{key: gap[key] for key in ("gap_from", "gap_to")} for gap in gaps],
        meetings=health.get("meetings", 0),
        rejected=health.get("rejected", 0),
        run_under_way=run_under_way,
        last_run=_last_run(record, run_under_way=run_under_way),
        trouble=trouble if health else None,
    )


def _last_run(record: Mapping[str, Any], *, run_under_way: bool) -> dict[str, Any] | None:
    """What is on record; `outcome`: done, failed, interrupted, cut short (killed), under way."""
    began, ended, code = (record.get(key) for key in ("started_at", "finished_at", "exit_code"))
    if not began:
        return None
    return {
        "outcome": "under way" if code is None and run_under_way else OUTCOMES.get(code, "failed"),
        "started_at": began,
        "finished_at": ended,
        "seconds": ended and (ended - began).total_seconds(),
        "exit_code": code,
        "message": record.get("message"),
    }


def as_json(status: Status) -> list[str]:
    """One object; times in ISO 8601."""
    return json.dumps(vars(status), indent=2, default=datetime.isoformat).splitlines()


def as_prometheus(status: Status) -> list[str]:
    """The same names in Prometheus' text format: numbers as they are, times in seconds since 1970,
    and each state as 1 or 0. What is not known is left out.
    """
    last = status.last_run or {}
    values = vars(status) | {f"last_run_{name}": value for name, value in last.items()}
    lines = ["# TYPE drift_bookings_state gauge"]
    for state in EXIT_CODES:
        lines.append(f'drift_bookings_state{{state="{state}"}} {int(state == status.state)}')
    for name, value in values.items():
        number = value.timestamp() if isinstance(value, datetime) else value
        if isinstance(number, int | float):
            lines.append(f"# TYPE drift_bookings_{name} gauge")
            lines.append(f"drift_bookings_{name} {float(number):.15g}")
    return lines


def as_text(status: Status) -> list[str]:
    """A few lines for a person."""
    lines = [f"state      {status.state}: {age(status)}"]
    if status.newest_sync_at:
        lines[0] += f" (stale after {status.stale_after_hours:g})"
    if last := status.last_run:
        took = f", in {last['seconds']:,.1f} s" if last["finished_at"] else ""
        lines.append(f"last run   {last['outcome']}, begun {_time(last['started_at'])}{took}")
        if last["message"]:
            lines.append(f"           {last['message']}")
    if status.trouble:
        lines.append(
            f"trouble    {status.trouble}: the next run restores it from what is published"
        )
    if status.run_under_way and (not last or last["outcome"] != "under way"):
        lines.append("now        a run is under way")
    if status.gap_opens_at and status.days_until_gap is not None:
        days, at = status.days_until_gap, _time(status.gap_opens_at)
        lines.append(
            f"gap        opens in {days:.1f} days, {at}, unless a run reads before"
            if days >= 0
            else f"gap        opened {-days:.1f} days ago, {at}: what took place since the newest"
            " read is leaving Drift's reach"
        )
    for gap in status.gaps:
        lines.append(
            f"gap        meetings that took place from {_time(gap['gap_from'])} to"
            f" {_time(gap['gap_to'])} were never seen whole"
        )
    return [*lines, f"meetings   {status.meetings:,} known, {status.rejected:,} records rejected"]


def age(status: Status) -> str:
    """When the newest read began."""
    at, hours = status.newest_sync_at, status.data_age_hours
    if at is None:
        return "no run that read Drift has published anything yet"
    return f"the newest read began {_time(at)}, {hours:,.1f} hours ago"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


FORMS: Final[Mapping[str, Callable[[Status], Sequence[str]]]] = {
    "text": as_text,
    "json": as_json,
    "prometheus": as_prometheus,
}
"""What `--status` can look like."""
