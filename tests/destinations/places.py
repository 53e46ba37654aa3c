"""The destinations of the contract: what configures each, and its tables by a driver of its own."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import duckdb
from google.cloud import bigquery

from tests.conftest import Project
from tests.destinations.bigquery_emulator import Front
from warehouse.ducklake import PACKAGES, packaged

Row = tuple[Any, ...]

RUN_TIMES = (
    "sync_id",
    "delisted_at",
    "started_at",
    "newest_sync_at",
    "read_at",
    "forgotten_at",
    "imported_at",
)
"""Columns that tell when a run took place: two runs do not have them in common."""

COLUMNS = """
    select table_schema || '.' || table_name, column_name from information_schema.columns
    where table_schema in ('drift', 'bookings') order by 1, ordinal_position
"""


class Place(Protocol):
    """Somewhere that the project loads into."""

    @property
    def settings(self) -> dict[str, str]:
        """The variables that take a project from DuckDB to here."""

    def query(self, sql: str) -> list[Row]: ...

    def queries(self, asked: Mapping[str, str]) -> dict[str, list[Row]]:
        """Rows by the names of their queries, in one connection."""

    def change(self, sql: str) -> None: ...

    def columns(self) -> list[tuple[str, str]]:
        """Tables, by their whole names, and columns."""


@dataclass
class DuckDB:
    """The published file."""

    project: Project
    settings: dict[str, str]

    def query(self, sql: str) -> list[Row]:
        return self.project.query(sql)

    def queries(self, asked: Mapping[str, str]) -> dict[str, list[Row]]:
        return self.project.queries(asked)

    def change(self, sql: str) -> None:
        raise NotImplementedError

    def columns(self) -> list[Any]:
        return self.query(COLUMNS)


@dataclass
class Lake:
    """A DuckLake, as the project is configured for it and as an analyst opens it."""

    folder: Path
    catalogue: str
    attached: str

    @property
    def settings(self) -> dict[str, str]:
        key = "DESTINATION__WAREHOUSE__CREDENTIALS"
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "ducklake",
            f"{key}__DUCKLAKE_NAME": "lake",
            f"{key}__CATALOG": self.catalogue,
            f"{key}__STORAGE__BUCKET_URL": str(self.folder),
        }

    @contextmanager
    def open(self, access: str = "read_only") -> Iterator[duckdb.DuckDBPyConnection]:
        schema = ", metadata_schema 'lake'" if "postgres" in self.attached else ""
        options = f"data_path '{self.folder}'{schema}, {access}"
        with duckdb.connect() as connection:
            for name in PACKAGES:
                connection.execute(f"install {packaged(name)}").fetchall()
            connection.execute("set timezone = 'UTC'").fetchall()
            connection.execute(f"attach '{self.attached}' as lake ({options})").fetchall()
            connection.execute("use lake").fetchall()
            yield connection

    def query(self, sql: str) -> list[Row]:
        return self.queries({"": sql})[""]

    def queries(self, asked: Mapping[str, str]) -> dict[str, list[Row]]:
        with self.open() as connection:
            return {name: connection.execute(sql).fetchall() for name, sql in asked.items()}

    def change(self, sql: str) -> None:
        with self.open("read_write") as connection:
            connection.execute(sql).fetchall()

    def columns(self) -> list[Any]:
        return self.query(COLUMNS.replace("where", "where table_catalog = 'lake' and"))


@dataclass
class BigQuery:
    """A project of Google's, as the emulator has it."""

    front: Front
    project: str

    @property
    def settings(self) -> dict[str, str]:
        return self.front.settings(self.project)

    @cached_property
    def client(self) -> bigquery.Client:
        return self.front.client(self.project)

    def query(self, sql: str) -> list[Row]:
        return [tuple(row.values()) for row in self.client.query_and_wait(sql)]

    def queries(self, asked: Mapping[str, str]) -> dict[str, list[Row]]:
        return {name: self.query(sql) for name, sql in asked.items()}

    def change(self, sql: str) -> None:
        self.query(sql.replace("timestamptz '", "timestamp '"))

    def columns(self) -> list[tuple[str, str]]:
        return [
            (f"{dataset}.{table.table_id}", field.name)
            for dataset in ("drift", "bookings")
            for table in self.client.list_tables(dataset)
            for field in self.client.get_table(table).schema
        ]


def told(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Every table, but for dlt's, the record of runs, and when the runs took place."""
    held: dict[str, list[str]] = {}
    for table, column in place.columns():
        name = table.partition(".")[2]
        left_out = name in ("syncs", "data_health", "run_lease") or name.startswith("_dlt")
        if not left_out and column not in RUN_TIMES and not column.startswith("_dlt"):
            held.setdefault(table, []).append(column)
    noticed = "case when event_type <> 'delisted' then occurred_at end as occurred_at"
    asked = {table: ", ".join(sorted(names)) for table, names in held.items()}
    tables = place.queries(
        {t: f"select {c.replace('occurred_at', noticed)} from {t}" for t, c in asked.items()}
    )
    found = {}
    for table, rows in tables.items():
        names = sorted(held[table])
        found[table] = [dict(zip(names, map(plain, row), strict=True)) for row in rows]
        found[table].sort(key=lambda row: order(tuple(row.values())))
    return found


def plain(value: Any) -> Any:
    """A value as every driver could have given it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return float(value) if isinstance(value, Decimal) else value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return bool(one == other)


def order(row: Row) -> str:
    return repr(tuple(round(v, 6) if isinstance(v, float) else v for v in row))


def assert_same_rows(name: str, one: Sequence[Row], other: Sequence[Row]) -> None:
    assert len(one) == len(other), name
    pairs = (sorted((tuple(map(plain, row)) for row in rows), key=order) for rows in (one, other))
    for left, right in zip(*pairs, strict=True):
        assert all(map(same, left, right)), f"{name}: {left} is not {right}"


def assert_same_tables(
    one: dict[str, list[dict[str, Any]]], other: dict[str, list[dict[str, Any]]]
) -> None:
    assert one.keys() == other.keys()
    for name, rows in one.items():
        assert {tuple(row) for row in rows} == {tuple(row) for row in other[name]}, name
        values = ([tuple(row.values()) for row in held] for held in (rows, other[name]))
        assert_same_rows(name, *values)
