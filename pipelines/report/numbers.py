"""The rows of `sql/report/` → what the page holds, as JSON.

Meetings stand in it as counts that add up, each under its days, its agent, source, type and
playbook, so that the page can filter all that it shows. No number is defined here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.models import read_checks
from warehouse.reading import Query, Row

LISTED: Final = 1000
"""Upcoming meetings, and changes, that the page can list one by one."""

STATES: Final = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")
"""The states in the order in which they are drawn."""

FACT_KEYS: Final = (
    *("booked_days_ago", "starts_days_ago", "agent_number", "source_number", "type_number"),
    *("playbook_number", "bucket_number", "local_weekday", "local_hour", "meeting_state"),
)
FACT_COUNTS: Final = (
    *("bookings", "due_meetings", "due_canceled_meetings", "due_late_canceled_meetings"),
    *("rescheduled_meetings", "self_booked_meetings", "rebooked_meetings", "undecided_meetings"),
)

_MEETING: Final = ("meeting_id", "agent_key", "meeting_source", "meeting_type", "playbook_key")
_AGENT: Final = ("agent_key", "agent_name")

TABLES: Final[Mapping[str, tuple[str, Sequence[str], str]]] = {
    "names": (
        "bookings_internal.report_names",
        ["dimension", "group_key", "display_name"],
        "dimension, name_number",
    ),
    "team_agents": (
        "bookings_internal.report_team_agents",
        ["team_number", "agent_number"],
        "team_number, agent_number",
    ),
    "weeks": (
        "bookings_internal.report_weeks",
        ["week_start_on", "days_ago", "is_complete"],
        "days_ago",
    ),
    "buckets": (
        "bookings.lead_time_buckets",
        ["bucket_number", "lead_time_bucket"],
        "bucket_number",
    ),
    "gaps": (
        "bookings_internal.report_gaps",
        ["gap_from", "gap_to", "from_days_ago", "to_days_ago"],
        "gap_from",
    ),
    "next_days": (
        "bookings_internal.report_next_days",
        [*_AGENT, "meeting_on", "week_day", "meetings", "overlapping_meetings", "booked_hours"],
        "agent_key, meeting_on",
    ),
    "fairness": (
        "bookings_internal.report_fairness",
        [
            *("team_key", "team_name", *_AGENT, "bookings_last_28_days", "bookings_share"),
            *("equal_share", "deviation", "distance", "reassigned_to", "reassigned_away"),
        ],
        "team_name, team_key, bookings_last_28_days desc, agent_key",
    ),
    "upcoming": (
        "bookings_internal.report_upcoming",
        [*_MEETING, "agent_name", "slot_start_at", "booked_at", "is_double_booked"],
        f"slot_start_at nulls last, meeting_id limit {LISTED}",
    ),
    "changes": (
        "bookings_internal.report_changes",
        [*_MEETING, "agent_name", "occurred_at", "event_type", "from_value", "to_value"],
        f"occurred_at desc, meeting_id, version_number desc, event_type limit {LISTED}",
    ),
    "change_counts": (
        "(select event_type, count(*) as events from bookings_internal.report_changes"
        " group by event_type) as counted",
        ["event_type", "events"],
        "events desc, event_type",
    ),
}
"""What is shown row by row: a model, its columns, and their order."""

STARTS: Final = ("booked", "rescheduled")
"""The events whose values are starts."""

Table = dict[str, Any]
"""`columns` and `rows`: the names of the columns are said once."""


@dataclass(frozen=True)
class Reader:
    """Reads models as JSON can hold them, times on the clock of the report's zone."""

    ask: Query
    zone: ZoneInfo

    def facts(self) -> Table:
        """The meetings' sums."""
        keys = ", ".join(FACT_KEYS)
        sums = ", ".join(f"sum({count}) as {count}" for count in FACT_COUNTS)
        rows = self.ask(
            f"select {keys}, {sums} from bookings_internal.report_facts group by {keys}"
            f" order by {', '.join(f'{key} nulls last' for key in FACT_KEYS)}"
        )
        return self._table([*FACT_KEYS, *FACT_COUNTS], rows)

    def table(self, model: str, columns: Sequence[str], order: str) -> Table:
        """A model's rows."""
        rows = self.ask(f"select {', '.join(columns)} from {model} order by {order}")
        return self._table(columns, rows)

    def plain(self, value: Any) -> Any:
        """A value as JSON has it."""
        if isinstance(value, datetime):
            return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"
        if isinstance(value, date):
            return value.isoformat()
        return int(value) if isinstance(value, Decimal) else value

    def _table(self, columns: Sequence[str], rows: Sequence[Row]) -> Table:
        return {
            "columns": columns,
            "rows": [[self.plain(_readable(row, column)) for column in columns] for row in rows],
        }


def find_numbers(ask: Query, sql: Path) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it. Empty tables, or none, give an empty report."""
    health = next(iter(ask("select * from bookings_internal.report_health")), {})
    reader = Reader(ask, ZoneInfo(health.get("time_zone") or "UTC"))
    checks = [check for check in read_checks(sql) if check.is_warning and health]
    warnings = [[check.description, len(ask(check.text))] for check in checks]
    return {
        "health": {name: reader.plain(value) for name, value in health.items()},
        "warnings": [[words, found] for words, found in warnings if found],
        "states": STATES,
        "facts": reader.facts(),
        **{name: reader.table(*table) for name, table in TABLES.items()},
    }


def _readable(row: Row, column: str) -> Any:
    """A row's value; an event's start, which is text, as a time."""
    value = row[column]
    is_start = column in ("from_value", "to_value") and row["event_type"] in STARTS
    return datetime.fromisoformat(value) if is_start and value else value
