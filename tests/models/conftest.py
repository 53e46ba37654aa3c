"""Raw rows in, models out: every test here says what Drift sent, and reads what the models make."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self, TypeAlias

import duckdb
import pytest

from drift import tables
from tests.models.raw_tables import RAW_TABLES
from warehouse.models import Model, needed_by, read_checks, read_models

SQL = Path(__file__).parents[2] / "sql"
MODELS: Mapping[str, Model] = {model.name: model for model in read_models(SQL)}
CHECKS: Mapping[str, Model] = {check.name: check for check in read_checks(SQL)}
DIMENSIONS = re.findall(r"'(\w+)' as dimension", MODELS["meeting_groups"].text)
"""What meetings are grouped by. Of each but team, a meeting has one group."""
BY_DIMENSION = {
    dimension: model
    for model in MODELS.values()
    for dimension in re.findall(r"where metrics\.dimension = '(\w+)'", model.text)
}
"""The mart of each dimension."""

Row: TypeAlias = Mapping[str, object]

TYPES = {
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamptz",
}

KEYS = {table.name: table.primary_key for table in tables.ALL}


def definition(table: str, column: str, kind: str) -> str:
    """A column as `create table` has it. If nothing is said, a sync was loaded whole."""
    required = " not null" if column in KEYS.get(table, ()) else ""
    return f"{column} {TYPES[kind]}{required}" + " default '1'" * (column == "_dlt_load_id")


def at(text: str) -> dt.datetime:
    """An instant, given in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def on(text: str) -> dt.date:
    """A day."""
    return dt.date.fromisoformat(text)


NOW = at("2025-03-20 15:30")  # a Thursday


def version(slug: str = "m1", **attributes: object) -> Row:
    """A meeting as Drift sends one: booked on 1 March, for half an hour on 10 March."""
    given = {
        "slug": slug,
        "updated_at": at("2025-03-01 09:00"),
        "sync_id": "s1",
        "agent_id": 7,
        "org_id": 1,
        "scheduler_id": 501,
        "conversation_id": 9001,
        "booked_by": None,
        "event_id": "e1",
        "status": "ACTIVE",
        "meeting_source": "WIDGET",
        "meeting_type": "Demo",
        "end_user_time_zone": "Europe/Berlin",
        "known_time_zone": "Europe/Berlin",
        "meeting_notes": None,
        "other_attributes": None,
        "slot_start": at("2025-03-10 14:00"),
        "slot_end": at("2025-03-10 14:30"),
        "scheduled_at": at("2025-03-01 09:00"),
        "is_updated_at_inferred": False,
        "content_hash": 1,
        "details_hash": None,
    }
    assert attributes.keys() <= tables.VERSIONS.columns.keys(), "no such attribute"
    return given | attributes


def sync(sync_id: str = "s9", started_at: dt.datetime = NOW, **attributes: object) -> Row:
    """A sync that read everything from 30 days before it to a year after."""
    given = {
        "sync_id": sync_id,
        "started_at": started_at,
        "finished_at": started_at + dt.timedelta(minutes=1),
        "window_from": started_at - dt.timedelta(days=30),
        "window_to": started_at + dt.timedelta(days=365),
        "requests": 1,
        "meetings_seen": 1,
        "versions_added": 1,
        "rejected": 0,
        "gap_from": None,
        "gap_to": None,
    }
    assert attributes.keys() <= {*tables.SYNC.columns, "_dlt_load_id"}, "no such attribute"
    return given | attributes


def user(number: int, **attributes: object) -> Row:
    """A user of Drift's, as stored."""
    given = {
        "id": number,
        "name": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "time_zone": "Europe/Berlin",
        "known_time_zone": "Europe/Berlin",
        "created_at": None,
        "is_current": True,
        "is_gone": False,
    }
    assert attributes.keys() <= tables.USER.columns.keys(), "no such attribute"
    return given | attributes


@cache
def needed(name: str) -> frozenset[str]:
    """A model, by its name, and those that it is made of."""
    return frozenset(model.name for model in needed_by(name, list(MODELS.values())))


@dataclass(frozen=True)
class Warehouse:
    """A warehouse in which a model is built once it is asked for."""

    connection: duckdb.DuckDBPyConnection
    built: set[str] = field(default_factory=set)

    def build(self, *names: str) -> Self:
        """Makes these models and those that they need as the runner makes them: all, of none."""
        wanted = set().union(*map(needed, names or MODELS)) - self.built
        for model in MODELS.values():
            if model.name in wanted:
                kind = "view" if model.is_view else "table"
                self.connection.execute(
                    f"create {kind} {model.dataset}.{model.name} as {model.text}"
                )
        self.built.update(wanted)
        return self

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        read = (table.rpartition(".")[2] for table in duckdb.get_table_names(sql, qualified=True))
        if names := MODELS.keys() & {table.split(" ")[0] for table in read}:
            self.build(*names)
        return self.connection.execute(sql).fetchall()

    def rows(self, table: str, columns: str) -> list[tuple[object, ...]]:
        """The named columns of a model, in the order of all of them."""
        return self.query(f"select {columns} from bookings.{table} order by all")

    def columns(self, table: str, dataset: str = "bookings") -> list[str]:
        """The columns of a model, as built."""
        self.build(table)
        described = self.connection.execute(f"select * from {dataset}.{table} limit 0").description
        return [column[0] for column in described or ()]

    def row(
        self, table: str, where: str = "true", columns: Iterable[str] = ("*",)
    ) -> dict[str, object]:
        """The one row of a model for which the condition holds, by column: all, if not said."""
        (found,) = self.query(f"select {', '.join(columns)} from bookings.{table} where {where}")
        names = self.columns(table) if [*columns] == ["*"] else columns
        return dict(zip(names, found, strict=True))


Given: TypeAlias = Callable[..., Warehouse]


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Add raw rows."""
    for row in rows:
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


def load(
    connection: duckdb.DuckDBPyConnection,
    *versions: Row,
    listed: Sequence[str] | None = None,
    unlisted: Sequence[Row] = (),
    syncs: Sequence[Row] | None = None,
    rejected: Sequence[Row] = (),
    users: Sequence[Row] = (),
    teams: Mapping[int, Sequence[int]] | None = None,
    left: Sequence[Row] = (),
    closed: Sequence[int] = (),
    unnamed: Sequence[int] = (),
    contacts: Sequence[Row] = (),
    conversations: Sequence[Row] = (),
    playbooks: Sequence[Row] = (),
    time_zone: str = "UTC",
) -> Warehouse:
    """A warehouse of raw rows: one sync at NOW that returned every meeting, if not said."""
    connection.execute("set timezone = 'UTC'")
    for schema in ("drift", "bookings", "bookings_internal"):
        connection.execute(f"create schema {schema}")
    for table, columns in RAW_TABLES.items():
        defined = (definition(table, column, kind) for column, kind in columns.items())
        connection.execute(f"create table drift.{table} ({', '.join(defined)})")
    insert(connection, "drift._dlt_loads", [{"load_id": "1", "status": 0}])
    slugs = {str(row["slug"]) for row in versions} if listed is None else set(listed)
    syncs = [sync()] if syncs is None else syncs
    runs = {str(row["sync_id"]) for row in syncs}
    whole = [str(row["sync_id"]) for row in syncs if row.get("_dlt_load_id", "1") == "1"]
    listings = [{"slug": slug, "sync_id": max(whole), "is_listed": True} for slug in slugs if whole]
    listings += [{**row, "is_listed": False} for row in unlisted]
    # What no sync has brought came from a file.
    others = {str(row["sync_id"]) for row in (*versions, *listings, *rejected)} - runs
    insert(connection, "drift.meeting_versions", versions)
    insert(connection, "drift.meeting_listings", listings)
    insert(connection, "drift.syncs", syncs)
    insert(connection, "drift.imports", [{"sync_id": sync_id} for sync_id in sorted(others)])
    insert(connection, "drift.rejected_meetings", rejected)
    insert(connection, "drift.users", users)
    for team, members in (teams or {}).items():
        name = None if team in unnamed else f"Team {team}"
        named = {"id": team, "name": name, "is_current": team not in closed}
        insert(connection, "drift.teams", [named])
        rows = [{"team_id": team, "user_id": user} for user in members]
        rows = [row | {"is_current": row not in left} for row in rows]
        insert(connection, "drift.team_members", rows)
    insert(connection, "drift.contacts", contacts)
    insert(connection, "drift.conversations", conversations)
    insert(connection, "drift.playbooks", playbooks)
    connection.execute("create table bookings_internal.settings (time_zone text)")
    insert(connection, "bookings_internal.settings", [{"time_zone": time_zone}])
    return Warehouse(connection)


@pytest.fixture
def given() -> Iterator[Given]:
    """Makes a warehouse of the raw rows that it is given."""
    with duckdb.connect(config={"threads": 1}) as connection:  # less to start and to end
        yield lambda *versions, **raw: load(connection, *versions, **raw)
