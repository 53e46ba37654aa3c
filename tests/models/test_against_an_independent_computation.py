"""The models' rows are those that plain Python computes from the same raw tables.

`oracle` has the definitions once more, `invent` the raw tables. Where the two disagree, the message
names the first table, row and column, and both values.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pytest

from drift import tables
from tests.models.invent import LIVES, invent
from tests.models.oracle import DIMENSIONS, Row, compute
from tests.models.raw_tables import RAW_TABLES
from warehouse.models import read_models

SQL: Final = Path(__file__).parents[2] / "sql"

ZONES: Final = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata")

KEYS: Final[Mapping[str, Sequence[str]]] = {
    "meetings": ("meeting_id",),
    "meeting_events": ("meeting_id", "event_type", "occurred_at", "from_value", "to_value"),
    "agents": ("agent_id",),
    "booking_metrics": ("dimension", "group_key"),
    "bookings_by_agent": ("agent_id",),
    "bookings_by_source": ("meeting_source",),
    "bookings_by_meeting_type": ("meeting_type",),
    "bookings_by_team": ("team_id",),
    "bookings_by_playbook": ("playbook_id",),
    "booking_trends": ("period", "period_start_on", "dimension", "group_key"),
    "agent_days": ("agent_id", "meeting_on"),
    "agent_conflicts": ("meeting_id", "other_meeting_id"),
    "team_distribution": ("team_id", "agent_id"),
    "daily_bookings": ("booked_on", "agent_id", "meeting_source", "meeting_type"),
    "weekly_bookings": ("week_start_on",),
    "booking_hours": ("local_weekday", "local_hour"),
    "lead_time_buckets": ("lead_time_bucket",),
    "data_health": (),
}


@pytest.mark.parametrize("seed", range(2 * len(LIVES)))
def test_every_row_and_column_agrees(seed: int) -> None:
    time_zone = ZONES[(seed + seed // len(LIVES)) % len(ZONES)]
    raw = invent(seed, time_zone)
    expected = compute(raw, time_zone)
    with duckdb.connect() as connection:
        load(connection, raw)
        build_models(connection, time_zone)
        found = differences(connection, expected)
        assert next(found, None) is None, time_zone


def load(connection: duckdb.DuckDBPyConnection, raw: Mapping[str, Sequence[Row]]) -> None:
    """The raw tables, with the columns that the source declares."""
    connection.execute("set timezone = 'UTC'")
    connection.execute("create schema drift")
    for table, columns in RAW_TABLES.items():
        kinds = [(name, tables.ARROW_TYPES[kind]) for name, kind in columns.items()]
        rows = pa.Table.from_pylist(list(raw[table]), schema=pa.schema(kinds))
        connection.register("rows", rows)
        connection.execute(f"create table drift.{table} as select * from rows")
        connection.unregister("rows")


def build_models(connection: duckdb.DuckDBPyConnection, time_zone: str) -> None:
    """Every model as a table in its schema, each after those that it reads."""
    for schema in ("bookings", "bookings_internal"):
        connection.execute(f"create schema {schema}")
    connection.execute(
        "create table bookings_internal.settings as"
        f" select cast('{time_zone}' as text) as time_zone"
    )
    for model in read_models(SQL):
        connection.execute(f"create table {model.dataset}.{model.name} as {model.text}")


def differences(
    connection: duckdb.DuckDBPyConnection, expected: Mapping[str, Sequence[Row]]
) -> Iterator[str]:
    """One sentence for each value, row, column and table that is not as computed."""
    for table, rows in expected.items():
        try:
            result = connection.execute(f"select * from bookings.{table}")
        except duckdb.CatalogException:
            yield f"{table} is missing"
            continue
        names = [column[0] for column in result.description or ()]
        built = [dict(zip(names, values, strict=True)) for values in result.fetchall()]
        columns = rows[0].keys() if rows else KEYS[table]
        if absent := [column for column in columns if column not in names]:
            yield f"{table} has no column {', '.join(absent)}, but {', '.join(names)}"
        if not set(KEYS[table]) - set(names):
            shared = [column for column in columns if column in names]
            # A dimension of one's own has tests of its own: the computation does not know it.
            of_known = [row for row in built if row.get("dimension", "all") in DIMENSIONS]
            yield from _different_rows(
                table, shared, _by_key(table, of_known), _by_key(table, rows)
            )


def _different_rows(
    table: str,
    columns: Sequence[str],
    built: Mapping[tuple[Any, ...], Row],
    expected: Mapping[tuple[Any, ...], Row],
) -> Iterator[str]:
    for key in sorted(built.keys() - expected.keys(), key=repr):
        yield f"{table} {key}: the model has this row, the computation has not"
    for key in sorted(expected.keys() - built.keys(), key=repr):
        yield f"{table} {key}: the computation has this row, the model has not"
    for key in sorted(built.keys() & expected.keys(), key=repr):
        for column in columns:
            value, computed = built[key][column], expected[key][column]
            if not _is_same(value, computed):
                yield f"{table} {key} {column}: the model has {value!r}, computed is {computed!r}"


def _by_key(table: str, rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """Rows by their keys, numbered where a key occurs more than once."""
    times: Counter[tuple[Any, ...]] = Counter()
    by_key = {}
    for row in sorted(rows, key=repr) if table == "meeting_events" else rows:
        key = tuple(_plain(row[column]) for column in KEYS[table])
        by_key[(*key, times[key]) if times[key] else key] = row
        times[key] += 1
    return by_key


def _is_same(value: Any, computed: Any) -> bool:
    if isinstance(computed, float) and value is not None and not isinstance(value, str):
        return math.isclose(value, computed, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(computed, bool) != isinstance(value, bool):
        return False
    return bool(_plain(value) == _plain(computed))


def _plain(value: Any) -> Any:
    """A moment as text in UTC, whichever library's zone it has."""
    if isinstance(value, datetime) and value.tzinfo:
        return f"{value.timestamp():.6f}"
    return value
