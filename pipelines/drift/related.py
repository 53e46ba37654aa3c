"""Related records: the users, teams, playbooks, contacts and conversations that meetings name.

Only rows that are new or changed are yielded. A failure ends the resource that it happens in, not
the run: it is kept in the resource's metrics, for `summary`, and logged.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dlt
import pyarrow as pa
from dlt.sources import DltSource

from . import endpoints, records, tables
from .api import USERS_AT_ONCE
from .errors import DriftError, GoneError
from .limits import Budget
from .records import Row
from .run import Run
from .tables import RawTable
from .values import as_id

log = logging.getLogger(__name__)

LISTS = (tables.USER, tables.TEAM, tables.TEAM_MEMBER, tables.PLAYBOOK)
"""What Drift lists as a whole."""


def summary(*sources: DltSource) -> list[str]:
    """Lines that say which related records these sources have read, and what was missing."""
    metrics = [
        resource.custom_metrics
        for source in sources
        for resource in source.resources.selected.values()
    ]
    read = [line for one in metrics for line in one.get("read", [])]
    missing = [f"missing    {line}" for one in metrics for line in one.get("missing", [])]
    return [f"related    {', '.join(read)}"] * bool(read) + missing


class Report:
    """What the resource that is being read has found, kept in its metrics."""

    def __init__(self) -> None:
        self._metrics = dlt.current.resource_metrics()
        self._metrics |= {"read": [], "missing": []}

    def read(self, line: str) -> None:
        self._metrics["read"].append(line)

    def missing(self, line: str) -> None:
        log.warning(f"missing: {line}")
        self._metrics["missing"].append(line)

    @contextmanager
    def contain(self, name: str) -> Iterator[None]:
        """Turns a failure to read into a line."""
        try:
            yield
        except DriftError as failure:
            self.missing(f"{name}: {failure}")

    def by_id(self, table: RawTable, answer: Sequence[Any]) -> dict[int, Row]:
        """Rows of an answer's records by their ids."""
        rows = [records.table_row(table, one) for one in answer if isinstance(one, dict)]
        by_id = {row["id"]: row for row in rows if row["id"] is not None}
        if without := len(answer) - sum(row["id"] is not None for row in rows):
            self.missing(f"{table.name}: {without:,} records without an id were left out.")
        return by_id


def read_users(run: Run) -> Iterator[Any]:
    """Rows of `users`: those listed, and agents of meetings who are in no list."""
    yield from run.wait_for_meetings()
    report = Report()
    with report.contain("users"):
        stored, budget = _stored(run, tables.USER), run.list_budget("users")
        answer = yield from run.ask(endpoints.USERS, records.data_records, budget=budget)
        listed = report.by_id(tables.USER, answer)
        if not listed and any(row["is_current"] for row in stored):
            raise DriftError("Drift listed none, so those known stay as they were.")
        report.read(f"{len(listed):,} users")
        users = [row | {"is_current": True, "is_gone": False} for row in listed.values()]
        unknown = sorted(_agents(run) - listed.keys() - {row["id"] for row in stored})
        with report.contain("users of earlier meetings"):
            for first in range(0, len(unknown), USERS_AT_ONCE):
                users += _former_users(run, report, unknown[first : first + USERS_AT_ONCE], budget)
        yield from _changed(run, tables.USER, users, stored)


def _former_users(run: Run, report: Report, ids: Sequence[int], budget: Budget) -> list[Row]:
    """Rows of users who are in no list, such as those who left. Each is asked for once."""
    try:
        answer = run.client.get(
            endpoints.SOME_USERS, records.data_records, {"userId": ids}, budget=budget
        )
    except GoneError:  # a map without any, or this: Drift has not said
        answer = []
    found = report.by_id(tables.USER, answer)
    return [
        found.get(user, {"id": user}) | {"is_current": False, "is_gone": user not in found}
        for user in ids
    ]


def read_teams(run: Run) -> Iterator[Any]:
    """Rows of `teams` and of `team_members`."""
    yield from run.wait_for_meetings()
    report = Report()
    with report.contain("teams"):
        budget = run.list_budget("teams")
        answer = yield from run.ask(endpoints.TEAMS, records.data_records, budget=budget)
        teams = report.by_id(tables.TEAM, answer)
        report.read(f"{len(teams):,} teams")
        members = [
            member
            for record in answer
            if isinstance(record, dict) and (team := as_id(record.get("id"))) is not None
            for member in records.member_rows(team, record)
        ]
        rows = [row | {"is_current": True} for row in teams.values()]
        yield from _changed(run, tables.TEAM, rows, _stored(run, tables.TEAM))
        yield from _changed(run, tables.TEAM_MEMBER, members, _stored(run, tables.TEAM_MEMBER))


def read_playbooks(run: Run) -> Iterator[Any]:
    """Rows of `playbooks`. Drift lists those that are enabled alone."""
    yield from run.wait_for_meetings()
    report = Report()
    with report.contain("playbooks"):
        budget = run.list_budget("playbooks")
        answer = yield from run.ask(endpoints.PLAYBOOKS, records.bare_records, budget=budget)
        playbooks = report.by_id(tables.PLAYBOOK, answer)
        report.read(f"{len(playbooks):,} playbooks")
        rows = [row | {"is_current": True} for row in playbooks.values()]
        yield from _changed(run, tables.PLAYBOOK, rows, _stored(run, tables.PLAYBOOK))


def _changed(
    run: Run, table: RawTable, listed: Sequence[Row], stored: Sequence[Row]
) -> Iterator[Any]:
    """Rows that differ from those stored, and those stored that are listed no more."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in table.primary_key)

    allowed = run.privacy.rows(table, pa.Table.from_pylist(list(listed), schema=table.schema))
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


def _stored(run: Run, table: RawTable) -> list[Row]:
    """The rows that the destination has of a list. One connection reads those of every list."""
    if table.name not in run.stored_lists:
        with run.destination.open() as stored:
            for each in LISTS:
                query = f"select {', '.join(each.columns)} from {each.name}"
                run.stored_lists[each.name] = stored.table(query, each.schema, each).to_pylist()
    return run.stored_lists.pop(table.name)


def _agents(run: Run) -> set[int]:
    """Ids of the agents whom meetings name."""
    query = f"select distinct agent_id as id from {tables.VERSIONS.name} where agent_id is not null"
    with run.destination.open() as stored:
        named = stored.table(query, pa.schema([("id", pa.int64())]), tables.VERSIONS)
    return {*named["id"].to_pylist(), *run.ids("agent_id")["id"].to_pylist()}
