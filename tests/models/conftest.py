"""Raw rows in, models out: every test here says what Drift sent, and reads what the models make."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pytest

from warehouse.models import read_models

SQL = Path(__file__).parents[2] / "sql"
CHECKS = {file.stem: file for file in sorted((SQL / "checks").glob("*.sql"))}
MODELS = {
    file.stem: file for room in ("staging", "marts") for file in sorted((SQL / room).glob("*.sql"))
}

Row: TypeAlias = Mapping[str, object]

RAW_TABLES = {
    "drift.meeting_versions": """
        slug text not null, updated_at timestamptz not null, sync_id text not null,
        agent_id bigint, org_id bigint, scheduler_id bigint, conversation_id bigint,
        booked_by bigint, event_id text, status text, meeting_source text, meeting_type text,
        end_user_time_zone text, known_time_zone text, meeting_notes text,
        slot_start timestamptz, slot_end timestamptz, scheduled_at timestamptz,
        is_updated_at_inferred boolean, content_hash bigint not null""",
    "drift.listed_meetings": "slug text",
    "drift.unlisted_meetings": "slug text, sync_id text",
    "drift.syncs": """
        sync_id text, started_at timestamptz, finished_at timestamptz,
        window_from timestamptz, window_to timestamptz, requests bigint, meetings_seen bigint,
        versions_added bigint, rejected bigint, gap_from timestamptz, gap_to timestamptz""",
    "drift.rejected_meetings": """
        record_id text, slug text, raw_json text, reason text, sync_id text""",
    "drift.users": """
        id bigint, name text, email text, is_current boolean, is_gone boolean""",
    "drift.teams": "id bigint, name text, is_current boolean",
    "drift.team_members": "team_id bigint, user_id bigint, is_current boolean",
    "drift.conversations": "id bigint, playbook_id text, created_at timestamptz",
    "bookings.settings": "time_zone text",
}


def build(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes every model, in the order in which the runner makes them."""
    for model in read_models(SQL):
        connection.execute(f"create table bookings.{model.name} as {model.text}")


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
        "slot_start": at("2025-03-10 14:00"),
        "slot_end": at("2025-03-10 14:30"),
        "scheduled_at": at("2025-03-01 09:00"),
        "is_updated_at_inferred": False,
        "content_hash": 1,
    }
    assert attributes.keys() <= given.keys(), "no such attribute"
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
    assert attributes.keys() <= given.keys(), "no such attribute"
    return given | attributes


def user(number: int, **attributes: object) -> Row:
    """A user of Drift's, as stored."""
    given = {
        "id": number,
        "name": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "is_current": True,
        "is_gone": False,
    }
    assert attributes.keys() <= given.keys(), "no such attribute"
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

    def columns(self, table: str) -> list[str]:
        """The columns of a model, as built."""
        described = self.connection.execute(f"select * from bookings.{table} limit 0").description
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
    conversations: Sequence[Row] = (),
    time_zone: str = "UTC",
) -> Warehouse:
    """The models built from raw rows: one sync at NOW that returned every meeting, if not said."""
    connection.execute("set timezone = 'UTC'; create schema drift; create schema bookings")
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
        named = {"id": team, "name": f"Team {team}", "is_current": team not in closed}
        insert(connection, "drift.teams", [named])
        rows = [{"team_id": team, "user_id": user} for user in members]
        rows = [row | {"is_current": row not in left} for row in rows]
        insert(connection, "drift.team_members", rows)
    insert(connection, "drift.conversations", conversations)
    insert(connection, "bookings.settings", [{"time_zone": time_zone}])
    build(connection)
    return Warehouse(connection)


@pytest.fixture
def given() -> Iterator[Given]:
    """Builds the models from the raw rows that it is given."""
    with duckdb.connect(config={"threads": 1}) as connection:  # less to start and to end
        yield lambda *versions, **raw: load(connection, *versions, **raw)
