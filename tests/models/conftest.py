"""Raw rows in, models out: every test here says what Drift sent, and reads what the models make."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pytest

from drift import tables
from warehouse.models import Model, read_checks, read_models

SQL = Path(__file__).parents[2] / "sql"
MODELS: Mapping[str, Model] = {model.name: model for model in read_models(SQL)}
CHECKS: Mapping[str, Model] = {check.name: check for check in read_checks(SQL)}

Row: TypeAlias = Mapping[str, object]

TYPES = {
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamptz",
}

RAW_TABLES = {
    f"drift.{table.name}": ", ".join(
        f"{name} {TYPES[kind]}{' not null' if name in table.primary_key else ''}"
        for name, (kind, _) in table.columns.items()
    )
    for table in tables.ALL
}


def build(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes every model as what the runner makes it, and in its order."""
    for model in MODELS.values():
        kind = "view" if model.is_view else "table"
        connection.execute(f"create {kind} {model.dataset}.{model.name} as {model.text}")


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
    assert attributes.keys() <= tables.SYNC.columns.keys(), "no such attribute"
    return given | attributes


def user(number: int, **attributes: object) -> Row:
    """A user of Drift's, as stored."""
    given = {
        "id": number,
        "name": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "time_zone": "Europe/Berlin",
        "is_current": True,
        "is_gone": False,
    }
    assert attributes.keys() <= tables.USER.columns.keys(), "no such attribute"
    return given | attributes


@dataclass(frozen=True)
class Warehouse:
    """A warehouse whose models are built."""

    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        return self.connection.execute(sql).fetchall()

    def rows(self, table: str, columns: str) -> list[tuple[object, ...]]:
        """The named columns of a model, in the order of all of them."""
        return self.query(f"select {columns} from bookings.{table} order by all")

    def columns(self, table: str, dataset: str = "bookings") -> list[str]:
        """The columns of a model, as built."""
        described = self.connection.execute(f"select * from {dataset}.{table} limit 0").description
        return [column[0] for column in described or ()]

    def row(self, table: str, where: str = "true") -> dict[str, object]:
        """The one row of a model for which the condition holds, by column."""
        (found,) = self.query(f"select * from bookings.{table} where {where}")
        return dict(zip(self.columns(table), found, strict=True))


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
    """The models built from raw rows: one sync at NOW that returned every meeting, if not said."""
    connection.execute("set timezone = 'UTC'")
    for schema in ("drift", "bookings", "bookings_internal"):
        connection.execute(f"create schema {schema}")
    for table, columns in RAW_TABLES.items():
        connection.execute(f"create table {table} ({columns})")
    slugs = sorted({str(row["slug"]) for row in versions}) if listed is None else listed
    insert(connection, "drift.meeting_versions", versions)
    insert(connection, "drift.listed_meetings", [{"slug": slug} for slug in slugs])
    insert(connection, "drift.unlisted_meetings", unlisted)
    insert(connection, "drift.syncs", [sync()] if syncs is None else syncs)
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
    build(connection)
    return Warehouse(connection)


@pytest.fixture
def given() -> Iterator[Given]:
    """Builds the models from the raw rows that it is given."""
    with duckdb.connect(config={"threads": 1}) as connection:  # less to start and to end
        yield lambda *versions, **raw: load(connection, *versions, **raw)
