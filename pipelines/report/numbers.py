"""The rows of `sql/report/` → what the page holds, as JSON, few enough rows for a page.

Every count stands under an agent, a source and a type, so that the page can filter all that it
shows by adding up. The page names the most booked ones; the others are counted together, as Other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.models import read_checks
from warehouse.reading import Query, Row

AXES: Final = {
    "agent": ("agent", "agent_key"),
    "source": ("source", "meeting_source"),
    "type": ("meeting_type", "meeting_type"),
}
"""What the page filters by: the dimension in `report_names`, and the column of its key."""

MOST_NAMED: Final = {"agent": 51, "source": 8, "type": 12}
"""How many of each are shown by name; Unassigned is one of the agents."""

MOST_ROWS: Final = 150_000
"""Counts in a page, a few megabytes: where there are more, fewer names are shown."""

LISTED: Final = 100
"""Upcoming meetings, and changes, that are shown one by one."""

STATES: Final = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")
"""The states in the order in which they are drawn."""

_DUE: Final = ("due_meetings", "due_canceled_meetings")

CUBES: Final[Mapping[str, tuple[str, Sequence[str], Sequence[str]]]] = {
    "weeks": (
        "report_weeks",
        ["week_number"],
        ["bookings", *(f"{state}_meetings" for state in STATES), *_DUE],
    ),
    "periods": (
        "report_periods",
        ["period"],
        ["bookings", "canceled_meetings", *_DUE, "rescheduled_meetings", "self_booked_meetings"],
    ),
    "hours": ("report_hours", ["local_weekday", "local_hour"], ["bookings", *_DUE]),
    "lead": ("report_lead_times", ["bucket_number"], ["bookings", *_DUE]),
    "change_counts": ("report_changes", ["event_type"], ["events"]),
}
"""A model of counts, what it counts by beside the names, and the counts that the page shows."""

STARTS: Final = ("booked", "rescheduled")
"""The events whose values are starts."""

Table = dict[str, Any]
"""`columns` and `rows`."""


@dataclass(frozen=True)
class Reader:
    """Reads models for a page that names so many agents, sources and types."""

    ask: Query
    zone: ZoneInfo
    most: Mapping[str, int]

    def names(self) -> dict[str, list[str]]:
        """What stands at each place of an axis."""
        query = "select dimension, display_name from bookings_internal.report_names"
        rows = self.ask(f"{query} order by name_rank")
        return {
            axis: _shortened(
                [str(row["display_name"]) for row in rows if row["dimension"] == dimension],
                self.most[axis],
            )
            for axis, (dimension, _) in AXES.items()
        }

    def counts(self, name: str) -> Table:
        """A cube's sums, by the places on the axes and the cube's own keys."""
        model, keys, counts = CUBES[name]
        keys = [*AXES, *keys]
        sums = ", ".join(f"sum({count}) as {count}" for count in counts)
        rows = self.ask(
            f"select {', '.join(keys)}, {sums} from ({self._placed(model)}) as placed"
            f" group by {', '.join(keys)} order by {', '.join(f'{key} nulls last' for key in keys)}"
        )
        return self._table([*keys, *counts], rows)

    def first(self, model: str, columns: Sequence[str], order: str) -> Table:
        """The first rows of a model that is shown row by row."""
        rows = self.ask(
            f"select * from ({self._placed(model)}) as placed order by {order} limit {LISTED}"
        )
        return self._table([*AXES, *columns], rows)

    def all(self, model: str, columns: Sequence[str], order: str) -> Table:
        """All rows of a model that is known to be small."""
        rows = self.ask(f"select {', '.join(columns)} from {model} order by {order}")
        return self._table(columns, rows)

    def plain(self, value: Any) -> Any:
        """A value as JSON has it; a time on the clock of the report's zone."""
        if isinstance(value, datetime):
            return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"
        if isinstance(value, date):
            return value.isoformat()
        return int(value) if isinstance(value, Decimal) else value

    def _placed(self, model: str) -> str:
        """SQL for a model's rows with their places on the axes; the last place is Other's."""
        places = ", ".join(
            f"least({axis}_names.name_rank, {self.most[axis] + 1}) - 1 as {axis}" for axis in AXES
        )
        joins = " ".join(
            f"inner join bookings_internal.report_names as {axis}_names"
            f" on {axis}_names.dimension = '{dimension}' and {axis}_names.group_key = facts.{key}"
            for axis, (dimension, key) in AXES.items()
        )
        return f"select {places}, facts.* from bookings_internal.{model} as facts {joins}"

    def _table(self, columns: Sequence[str], rows: Sequence[Row]) -> Table:
        """Rows in the order of their columns, whose names are said once."""
        return {
            "columns": columns,
            "rows": [[self.plain(_readable(row, column)) for column in columns] for row in rows],
        }


def find_numbers(ask: Query, sql: Path) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it. Empty tables, or none, give an empty report."""
    health = next(iter(ask("select * from bookings_internal.report_health")), {})
    reader = Reader(ask, ZoneInfo(health.get("time_zone") or "UTC"), MOST_NAMED)
    while True:
        cubes = {name: reader.counts(name) for name in CUBES}
        least = max(reader.most.values()) == 1
        if least or sum(len(cube["rows"]) for cube in cubes.values()) <= MOST_ROWS:
            break
        fewer = {axis: max(limit // 2, 1) for axis, limit in reader.most.items()}
        reader = replace(reader, most=fewer)
    weeks, buckets = "bookings_internal.report_calendar", "bookings.lead_time_buckets"
    return {
        "health": _health(reader, health, sql),
        "states": STATES,
        "names": reader.names(),
        "calendar": reader.all(
            weeks, ["week_number", "week_start_on", "is_complete"], "week_number"
        ),
        "buckets": reader.all(buckets, ["bucket_number", "lead_time_bucket"], "bucket_number"),
        **cubes,
        "upcoming": reader.first(
            "report_upcoming",
            ["slot_start_at", "agent_name", "booked_at"],
            "slot_start_at nulls last, meeting_id",
        ),
        "changes": reader.first(
            "report_changes",
            ["occurred_at", "event_type", "meeting_id", "agent_name", "from_value", "to_value"],
            "occurred_at desc, meeting_id, version_number desc, event_type",
        ),
    }


def _shortened(names: list[str], limit: int) -> list[str]:
    left = len(names) - limit
    return [*names[:limit], f"Other ({left:,})"] if left > 0 else names


def _readable(row: Row, column: str) -> Any:
    """A row's value; an event's start, which is text, as a time."""
    value = row[column]
    is_start = column in ("from_value", "to_value") and row["event_type"] in STARTS
    return datetime.fromisoformat(value) if is_start and value else value


def _health(reader: Reader, health: Row, sql: Path) -> dict[str, Any]:
    """The state of the data. A warning is a check's own words, and how many rows it found."""
    gaps = reader.ask(
        "select gap_from, gap_to from bookings_internal.report_gaps order by gap_from"
    )
    checks = [check for check in read_checks(sql) if check.is_warning and health]
    warnings = [[check.description, len(reader.ask(check.text))] for check in checks]
    return {
        **{name: reader.plain(value) for name, value in health.items()},
        "gaps": [[reader.plain(moment) for moment in gap.values()] for gap in gaps],
        "warnings": [[words, found] for words, found in warnings if found],
    }
