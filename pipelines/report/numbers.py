"""The rows of `sql/report/` → what the page holds, as JSON.

Meetings stand in it as counts that add up, each under its days and its groups, so that the page
can filter all that it shows. `report_facts` decides by its columns what these counts and groups
are: nothing else of a meeting, or of a person, gets into the page. No number is defined here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.models import Model, read_checks, read_models
from warehouse.reading import Query, Row

LISTED: Final = 5_000
"""Rows that one list of single meetings can have."""

STATES: Final = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")
"""The states in the order in which they are drawn."""

TABLES: Final[Mapping[str, str]] = {
    "team_agents": "team_key, agent_key",
    "weeks": "days_ago",
    "gaps": "gap_from",
    "next_days": "agent_key, meeting_on",
    "busy": "agent_name",
    "fairness": "team_name, team_key, bookings_last_28_days desc, agent_key",
}
"""What is shown row by row: a model of the report, and the order of its rows."""

LISTS: Final[Mapping[str, str]] = {
    "unassigned": "slot_start_at nulls last, meeting_id",
    "conflicts": "slot_start_at, meeting_id, other_meeting_id",
    "late": "canceled_at desc, meeting_id",
    "changes": "occurred_at desc, meeting_id, version_number desc, event_type",
}
"""The same of single meetings, which the page filters by their groups."""

STARTS: Final = ("booked", "rescheduled")
"""The events whose values are starts."""

Table = dict[str, Any]
"""`columns` and `rows`: the names of the columns are said once."""


@dataclass(frozen=True)
class Reader:
    """Reads the report's models as JSON can hold them, times on the clock of the report's zone."""

    ask: Query
    zone: ZoneInfo
    models: Mapping[str, Model]

    @property
    def keys(self) -> list[str]:
        """The columns of `report_facts` that are groups."""
        return [name for name in self.models["report_facts"].columns if name.endswith("_key")]

    def facts(self) -> tuple[Table, Table]:
        """The meetings added up, a column at a time, and the names of their groups.

        Groups are numbers: places in the names. What became of meetings is one as well: a place
        in the `outcomes`, the states with their counts.
        """
        columns = [name for name in self.models["report_facts"].columns if name != "meeting_id"]
        counts = [name for name in columns if name.endswith(("_meetings", "_losses"))]
        others = [name for name in columns if name not in (*counts, "meeting_state")]
        listed = ", ".join(columns)
        rows = self.ask(
            f"select {listed}, count(*) as meetings from bookings_internal.report_facts"
            f" group by {listed} order by {', '.join(f'{name} nulls last' for name in columns)}"
        )
        names = self.names({key: {row[key] for row in rows} for key in self.keys})
        outcomes = _Places(tuple(row[name] for name in ("meeting_state", *counts)) for row in rows)
        values = [[row[name] for row in rows] for name in others]
        for at, name in enumerate(others):
            if name in self.keys:
                places = {key: place for place, (key, _) in enumerate(names[name[:-4]])}
                values[at] = [places[value] for value in values[at]]
        facts = {
            "columns": [*others, "outcome", "meetings"],
            "values": [*values, outcomes.of_each, [row["meetings"] for row in rows]],
            "outcomes": {"columns": ["meeting_state", *counts], "rows": outcomes.all},
        }
        return facts, names

    def names(self, groups: Mapping[str, Iterable[str]]) -> Table:
        """Each group's key and name, by dimension, those with the most bookings first."""
        dimensions = ", ".join(f"'{name}'" for name in ("team", *(key[:-4] for key in groups)))
        rows = self.ask(
            "select dimension, group_key, display_name from bookings_internal.report_names"
            f" where dimension in ({dimensions}) order by dimension, bookings desc, group_key"
        )
        found: dict[str, dict[str, str]] = {key[:-4]: {} for key in (*groups, "team_key")}
        for row in rows:
            found[row["dimension"]][row["group_key"]] = row["display_name"]
        for key, present in groups.items():  # of a dimension that no mart has
            for name in sorted(present):
                found[key[:-4]].setdefault(name, "Not known" if name == "UNKNOWN" else name)
        return {dimension: list(named.items()) for dimension, named in found.items()}

    def table(self, name: str, order: str) -> Table:
        """A model's rows."""
        model = self.models[f"report_{name}"]
        columns = [f"listed.{column}" for column in model.columns]
        joined = ""
        if name in LISTS:
            columns += [f"facts.{key}" for key in self.keys]
            joined = (
                " left join bookings_internal.report_facts as facts"
                " on listed.meeting_id = facts.meeting_id"
            )
        rows = self.ask(
            f"select {', '.join(columns)} from bookings_internal.{model.name} as listed{joined}"
            f" order by {', '.join(f'listed.{part.strip()}' for part in order.split(','))}"
            + (f" limit {LISTED}" if name in LISTS else "")
        )
        return self._table([column.partition(".")[2] for column in columns], rows)

    def counted(self, name: str) -> int:
        """How many rows a list has, whatever the page holds of them."""
        return next((row["n"] for row in self.ask(f"select count(*) as n from {name}")), 0)

    def plain(self, value: Any) -> Any:
        """A value as JSON has it."""
        if isinstance(value, datetime):
            try:
                value = value.astimezone(self.zone)
            except OverflowError:  # in the year 1, or 9999
                value = value.astimezone(UTC)
            return value.isoformat(" ", "minutes")[:16]
        if isinstance(value, date):
            return value.isoformat()
        return float(value) if isinstance(value, Decimal) else value

    def _table(self, columns: Sequence[str], rows: Sequence[Row]) -> Table:
        return {
            "columns": columns,
            "rows": [[self.plain(_readable(row, column)) for column in columns] for row in rows],
        }


class _Places:
    """Distinct values in the order in which they come, and the place of each value among them."""

    def __init__(self, values: Iterable[tuple[Any, ...]]) -> None:
        places: dict[tuple[Any, ...], int] = {}
        self.of_each = [places.setdefault(value, len(places)) for value in values]
        self.all = list(places)


def find_numbers(ask: Query, sql: Path) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it. Empty tables, or none, give an empty report."""
    health = next(iter(ask("select * from bookings_internal.report_health")), {})
    models = {model.name: model for model in read_models(sql) if model.folder == "report"}
    reader = Reader(ask, ZoneInfo(health.get("time_zone") or "UTC"), models)
    checks = [check for check in read_checks(sql) if check.is_warning and health]
    warnings = [[check.description, len(ask(check.text))] for check in checks]
    facts, names = reader.facts()
    return {
        "health": {name: reader.plain(value) for name, value in health.items()},
        "warnings": [[words, found] for words, found in warnings if found],
        "states": STATES,
        "names": names,
        "facts": facts,
        **{name: reader.table(name, order) for name, order in (*TABLES.items(), *LISTS.items())},
        "counted": {name: reader.counted(f"bookings_internal.report_{name}") for name in LISTS},
    }


def _readable(row: Row, column: str) -> Any:
    """A row's value; an event's start, which is text, as a time."""
    value = row[column]
    is_start = column in ("from_value", "to_value") and row["event_type"] in STARTS
    return datetime.fromisoformat(value) if is_start and value else value
