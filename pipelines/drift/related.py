"""Related records that Drift lists as a whole: users, teams and playbooks.

Only rows that are new or changed are yielded. A failure ends the resource that it happens in, not
the run: it is kept in the resource's metrics, for `summary`, and logged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dlt
import pyarrow as pa

from . import api, tables
from .api import DriftError, GoneError
from .reading import Reading, Report
from .tables import RawTable, Row
from .values import as_id, bare_records, checked_zone, data_records, record_values

Get = Callable[..., list[Any]]
"""`DriftClient.get`, within the time of a list."""


@dlt.resource(name="users", section="drift")
def read_users(reading: Reading) -> Iterator[Any]:
    """Table `users`: those of Drift's list, and agents of meetings who are not in it."""
    report, get = Report(), _within(reading, tables.USER)
    with report.contain("users"):
        listed = _by_id(report, tables.USER, get(api.USERS, data_records))
        stored = _stored(reading, tables.USER, listed)
        report.read(f"{len(listed):,} users")
        users = [row | {"is_current": True, "is_gone": False} for row in listed.values()]
        unknown = sorted(_agents(reading) - listed.keys() - {row["id"] for row in stored})
        with report.contain("users of earlier meetings"):
            for first in range(0, len(unknown), api.USERS_AT_ONCE):
                users += _former_users(report, get, unknown[first : first + api.USERS_AT_ONCE])
        users = [user | {"known_time_zone": checked_zone(user.get("time_zone"))} for user in users]
        yield from _changed(reading, tables.USER, users, stored)


def _former_users(report: Report, get: Get, ids: Sequence[int]) -> list[Row]:
    """Rows of users who are in no list, such as those who left. Each is asked for once."""
    try:
        answer = get(api.SOME_USERS, data_records, {"userId": ids})
    except GoneError:  # a map without any, or this: Drift has not said
        answer = []
    found = _by_id(report, tables.USER, answer)
    return [
        found.get(user, {"id": user}) | {"is_current": False, "is_gone": user not in found}
        for user in ids
    ]


def _agents(reading: Reading) -> set[int]:
    """Ids of the agents whom meetings name."""
    with reading.destination.open() as stored:
        named: set[int] = stored.distinct("agent_id", tables.VERSIONS)
    return named.union(reading.found.ids("agent_id")["id"].to_pylist())


@dlt.resource(name="teams", section="drift")
def read_teams(reading: Reading) -> Iterator[Any]:
    """Tables `teams` and `team_members`. A team or member that leaves stays, marked."""
    report = Report()
    with report.contain("teams"):
        answer = _within(reading, tables.TEAM)(api.TEAMS, data_records)
        yield from _listed(reading, report, tables.TEAM, answer)
        with report.contain("members of teams"):
            members = [
                member
                for record in answer
                if isinstance(record, dict) and (team := as_id(record.get("id"))) is not None
                for member in _member_rows(team, record)
            ]
            stored = _stored(reading, tables.TEAM_MEMBER, members)
            yield from _changed(reading, tables.TEAM_MEMBER, members, stored)


def _member_rows(team: int, record: Mapping[str, Any]) -> list[Row]:
    """The members of a team, each once."""
    members = record.get("members")
    users = {as_id(user) for user in members} if isinstance(members, list) else set()
    row = {"team_id": team, "is_current": True}
    return [row | {"user_id": user} for user in users if user is not None]


@dlt.resource(name="playbooks", section="drift")
def read_playbooks(reading: Reading) -> Iterator[Any]:
    """Table `playbooks`. Drift lists those that are enabled; one that vanishes stays, marked."""
    report = Report()
    with report.contain("playbooks"):
        answer = _within(reading, tables.PLAYBOOK)(api.PLAYBOOKS, bare_records)
        yield from _listed(reading, report, tables.PLAYBOOK, answer)


# --- what the lists have in common


def _within(reading: Reading, table: RawTable) -> Get:
    return partial(reading.client.get, budget=reading.list_budget(table.name))


def _listed(
    reading: Reading, report: Report, table: RawTable, answer: Sequence[Any]
) -> Iterator[Any]:
    """The rows of an answer's records that are new or changed."""
    listed = _by_id(report, table, answer)
    stored = _stored(reading, table, listed)
    report.read(f"{len(listed):,} {table.name}")
    rows = [row | {"is_current": True} for row in listed.values()]
    yield from _changed(reading, table, rows, stored)


def _by_id(report: Report, table: RawTable, answer: Sequence[Any]) -> dict[int, Row]:
    """Rows of an answer's records by their ids."""
    rows = [record_values(table.columns, one) for one in answer if isinstance(one, dict)]
    by_id = {row["id"]: row for row in rows if row["id"] is not None}
    if without := len(answer) - sum(row["id"] is not None for row in rows):
        report.missing(f"{table.name}: {without:,} records without an id were left out.")
    return by_id


def _stored(reading: Reading, table: RawTable, listed: Any) -> list[Row]:
    """The rows that the destination has of a list.

    Raises `DriftError` where a list that had some has none any more: that is no news.
    """
    with reading.destination.open() as stored:
        query = f"select {', '.join(table.columns)} from {table.name}"
        rows: list[Row] = stored.table(query, table.schema).to_pylist()
    if not listed and any(row["is_current"] for row in rows):
        raise DriftError("Drift listed none, so those known stay as they were.")
    return rows


def _changed(
    reading: Reading, table: RawTable, listed: Sequence[Row], stored: Sequence[Row]
) -> Iterator[Any]:
    """Rows that differ from those stored, and those stored that are listed no more."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in table.primary_key)

    allowed = reading.policy.rows(table, pa.Table.from_pylist(list(listed), schema=table.schema))
    read, known = allowed.to_pylist(), {key(row): row for row in stored}
    still = {key(row) for row in read}
    changed = [row for row in read if known.get(key(row)) != row]
    changed += [
        row | {"is_current": False}
        for at, row in known.items()
        if at not in still and row["is_current"]
    ]
    if changed:
        yield table.rows(changed)
