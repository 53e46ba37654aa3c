"""Who: users, teams, contacts and conversations, beside the meetings that name them.

A run reads them after its meetings are loaded, and whatever fails here is said in the summary and
costs no meeting. Only what is new or changed is loaded, and where nothing is, dlt is not started.
"""

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.configuration.inject import with_config
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltResource

from drift import last_read, tables
from drift.client import BrokenAnswerError, DriftClient, DriftError, ForbiddenError, GoneError
from drift.decode import _parse_int, _text, _whole_number, snake_case
from drift.personal import Policy, policy_of
from drift.settings import (
    SOME_USERS_PATH,
    TEAMS_PATH,
    TIME_MAX_MS,
    TIME_MIN_MS,
    USERS_AT_ONCE,
    USERS_PATH,
)
from drift.stored import read_stored
from drift.tables import RawTable

log = logging.getLogger(__name__)

PATIENCE: Final = 3
"""Contacts in a row that cannot be read before the rest is left to the next run."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]


@dataclass
class Neighbours:
    """What one read found: the rows that the warehouse lacks, and lines for the summary."""

    rows: list[tuple[RawTable, pa.Table]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def summary(self) -> list[str]:
        lines = [f"who        {', '.join(self.read)}"] if self.read else []
        return lines + [f"missing    {sentence}" for sentence in self.missing]


@dlt.source(name="drift", max_table_nesting=0)
def drift_neighbours(neighbours: Neighbours) -> list[DltResource]:
    """The rows that `read_neighbours` found, a resource for each table."""

    def resource(table: RawTable, rows: pa.Table) -> DltResource:
        def found() -> Iterator[Any]:
            yield table.rows(rows)

        return dlt.resource(found, name=table.name)

    return [resource(table, rows) for table, rows in neighbours.rows]


@with_config(sections=("sources", "drift"))
def read_neighbours(
    base_url: str = "https://driftapi.com",
    access_token: str = dlt.secrets.value,
    requests_in_flight: int = 6,
    users: bool = True,
    teams: bool = True,
    contacts: bool = True,
    conversations: bool = False,
    contacts_per_run: int = 1_000,
    contact_refresh_days: float = 30.0,
    contact_attributes: list[str] | None = None,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
    full_refresh: bool = False,
) -> Neighbours:
    """Asks for the neighbours of the meetings that the active pipeline has loaded.

    Args:
        base_url: Where Drift's API answers.
        access_token: A token; each neighbour that its scopes leave out is named as missing.
        requests_in_flight: The most requests under way at once.
        users: Whether to read users.
        teams: Whether to read teams and who belongs to them.
        contacts: Whether to read the contacts who booked.
        conversations: Whether to read the conversations in which meetings were booked.
        contacts_per_run: The most contacts to ask for, and the most conversations.
        contact_refresh_days: A contact or conversation is read again when this old, and only when
            one of its meetings has changed since.
        contact_attributes: Attributes of contacts to keep, by Drift's names, beside the usual.
        personal_data: keep, hash or drop: see `personal`.
        personal_data_key: The key of the hash.
        full_refresh: Ask for contacts and conversations again that were gone.
    """
    policy = policy_of(personal_data, personal_data_key)
    client = DriftClient(
        base_url,
        access_token,
        max_connections=requests_in_flight,
        quotes_drift=policy.keeps,
    )
    kept = attribute_columns(contact_attributes or [])
    extra: tables.Columns = {
        column: ("text", f"The attribute {name}.") for name, column in kept.items()
    }
    contact = replace(tables.CONTACT, columns={**tables.CONTACTS, **extra})
    pipeline = dlt.current.pipeline()
    started_at = last_read(pipeline)["started_at"]
    oldest = started_at - timedelta(days=contact_refresh_days)
    with pipeline.sql_client() as warehouse:  # opened once: that costs more than the queries
        reading = _Reading(client, warehouse, policy, started_at)
        if users:
            with reading.trying("users"):
                reading.users()
        if teams:
            with reading.trying("teams"):
                reading.teams()
        several = partial(
            reading.several,
            oldest=oldest,
            most=contacts_per_run,
            in_flight=requests_in_flight,
            even_gone=full_refresh,
        )
        if contacts:
            several(contact, "scheduler_id", lambda body: _contact(body, kept))
        if conversations:
            several(tables.CONVERSATION, "conversation_id", _conversation)
    return reading.found


@dataclass(frozen=True)
class _Reading:
    """One read, as far as it has come."""

    client: DriftClient
    warehouse: SqlClientBase[Any]
    policy: Policy
    started_at: datetime
    found: Neighbours = field(default_factory=Neighbours)

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Turns a failure into a line of the summary."""
        try:
            yield
        except DriftError as failure:
            self.found.missing.append(f"{what}: {failure}")

    def users(self) -> None:
        stored = self._stored_rows(tables.USER)
        listed = self._by_id(self.client.get(USERS_PATH, {}, _records), _user, "users")
        if not listed and any(row["is_current"] for row in stored):
            raise DriftError("Drift listed none, so those known stay as they were.")
        self.found.read.append(f"{len(listed):,} users")
        users = {key: row | {"is_current": True, "is_gone": False} for key, row in listed.items()}
        # Agents of meetings whom Drift does not list, such as those who left before the first run:
        # each is asked for once.
        known = users.keys() | {row["id"] for row in stored}
        named = read_stored(
            f"select distinct agent_id as id from {tables.VERSIONS.name}"
            " where agent_id is not null",
            pa.schema([("id", pa.int64())]),
            self.warehouse,
        )
        unknown = sorted(set(named["id"].to_pylist()) - known)
        with self.trying("users of earlier meetings"):
            for first in range(0, len(unknown), USERS_AT_ONCE):
                ids = unknown[first : first + USERS_AT_ONCE]
                try:
                    answers = self.client.get(SOME_USERS_PATH, {"userId": ids}, _records)
                except GoneError:  # a map without any, or this: Drift has not said
                    answers = []
                some = self._by_id(answers, _user, "users")
                for user in ids:
                    row = some.get(user, {"id": user})
                    users[user] = row | {"is_current": False, "is_gone": user not in some}
        self._keep_changed(tables.USER, list(users.values()), stored)

    def teams(self) -> None:
        records = self.client.get(TEAMS_PATH, {}, _records)
        teams = self._by_id(records, _team, "teams")
        self.found.read.append(f"{len(teams):,} teams")
        members = {
            (team, user): {"team_id": team, "user_id": user, "is_current": True}
            for record in records
            if isinstance(record, dict) and (team := _whole(record.get("id"))) in teams
            for user in map(_whole, _list(record.get("members")))
            if user is not None
        }
        rows = [row | {"is_current": True} for row in teams.values()]
        self._keep_changed(tables.TEAM, rows, self._stored_rows(tables.TEAM))
        stored = self._stored_rows(tables.TEAM_MEMBER)
        self._keep_changed(tables.TEAM_MEMBER, list(members.values()), stored)

    def several(
        self,
        table: RawTable,
        column: str,
        decode: Callable[[bytes], Row],
        *,
        oldest: datetime,
        most: int,
        in_flight: int,
        even_gone: bool,
    ) -> None:
        """Reads, one by one, those that meetings name in `column`.

        At most `most` of those not known, then of those read before `oldest` of whose meetings
        there is a newer version; those of the newest meetings first.
        """
        ids, waiting = self._wanted(table.name, column, oldest, most, even_gone=even_gone)

        def ask(number: int) -> Row:
            row: Row = {"is_gone": False}
            try:
                row |= self.client.get(f"/{table.name}/{number}", {}, decode)
            except GoneError:
                row["is_gone"] = True
            return row | {"id": number, "read_at": self.started_at}

        rows, failed, failure = _ask_each(ask, ids, table.name, in_flight=in_flight)
        left = waiting - len(rows)
        after = f" ({left:,} left to the next runs)" if left else ""
        self.found.read.append(f"{len(rows):,} {table.name}{after}")
        if failure:
            some = "" if isinstance(failure, ForbiddenError) else f"{failed:,} could not be read: "
            self.found.missing.append(f"{table.name}: {some}{failure}")
        if rows:
            self.found.rows.append((table, self.policy.rows(table, _table(table, rows))))

    def _wanted(
        self, table: str, column: str, oldest: datetime, most: int, *, even_gone: bool
    ) -> tuple[list[int], int]:
        """Ids to ask for, and how many could be asked for in all."""
        before = f"cast('{oldest.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00' as timestamptz)"
        again = f"not is_gone and read_at < {before} and changed_at > read_at"
        if even_gone:
            again = f"is_gone or ({again})"
        wanted = read_stored(
            f"""
            select id, count(*) over () as waiting
            from (
                select id, max(booked_at) as newest_at, max(started_at) as changed_at
                from (
                    select
                        {column} as id,
                        sync_id as seen_in,
                        coalesce(scheduled_at, updated_at) as booked_at
                    from {tables.VERSIONS.name}
                    where {column} is not null
                ) as versions
                left join (
                    select sync_id, started_at from {tables.SYNC.name}
                ) as runs on versions.seen_in = runs.sync_id
                group by id
            ) as named
            left join (
                select id as known_id, is_gone, read_at from {table}
            ) as known on named.id = known.known_id
            where known_id is null or {again}
            order by
                case when known_id is null then 0 else 1 end,
                newest_at desc,
                id desc
            limit {most}
            """,
            pa.schema([("id", pa.int64()), ("waiting", pa.int64())]),
            self.warehouse,
        )
        return wanted["id"].to_pylist(), max(wanted["waiting"].to_pylist(), default=0)

    def _keep_changed(self, table: RawTable, rows: Sequence[Row], stored: Sequence[Row]) -> None:
        """Adds the rows that differ from those stored, and those stored that are listed no more."""
        read = self.policy.rows(table, _table(table, rows)).to_pylist()
        known = {_key(table, row): row for row in stored}
        changed = [row for row in read if known.get(_key(table, row)) != row]
        still = {_key(table, row) for row in read}
        changed += [
            row | {"is_current": False}
            for key, row in known.items()
            if key not in still and row["is_current"]
        ]
        if changed:
            self.found.rows.append((table, _table(table, changed)))

    def _stored_rows(self, table: RawTable) -> list[Row]:
        query = f"select {', '.join(table.columns)} from {table.name}"
        rows: list[Row] = read_stored(query, _schema(table), self.warehouse).to_pylist()
        return rows

    def _by_id(
        self, records: Sequence[Any], decode: Callable[[Mapping[str, Any]], Row], name: str
    ) -> dict[int, Row]:
        rows = [decode(record) for record in records if isinstance(record, dict)]
        by_id = {row["id"]: row for row in rows if row["id"] is not None}
        if without := len(records) - sum(row["id"] is not None for row in rows):
            self.found.missing.append(f"{name}: {without:,} records without an id were left out.")
        return by_id


def _ask_each(
    ask: Callable[[int], Row], ids: Sequence[int], name: str, *, in_flight: int
) -> tuple[list[Row], int, DriftError | None]:
    """Rows of those that could be read, the number of those that could not, and the last reason.

    A refusal of the token ends it at once, `PATIENCE` failures in a row soon after: what was read
    by then is kept.
    """
    waiting, running = deque(ids), dict[Future[Row], int]()
    rows: list[Row] = []
    failed, in_a_row, failure = 0, 0, None
    with ThreadPoolExecutor(max_workers=in_flight, thread_name_prefix="drift") as pool:
        try:
            while waiting or running:
                while waiting and len(running) < in_flight:
                    number = waiting.popleft()
                    running[pool.submit(ask, number)] = number
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    try:
                        rows.append(future.result())
                        in_a_row = 0
                    except DriftError as error:
                        failed, in_a_row = failed + 1, in_a_row + 1
                        failure = failure if isinstance(failure, ForbiddenError) else error
                        if isinstance(error, ForbiddenError) or in_a_row == PATIENCE:
                            waiting.clear()
                log.info(f"{len(rows):,} of {len(ids):,} {name} read", extra={"passing": True})
        finally:
            pool.shutdown(cancel_futures=True)
    return rows, failed, failure


def _key(table: RawTable, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.primary_key)


def _schema(table: RawTable) -> pa.Schema:
    return pa.schema([(n, tables.ARROW_TYPES[kind]) for n, (kind, _) in table.columns.items()])


def _table(table: RawTable, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=_schema(table))


def attribute_columns(names: Sequence[str]) -> dict[str, str]:
    """A column for each attribute, no two alike, whatever the order in which they are named.

    Drift has attributes that differ only by case. One that does so from its column's name carries
    a few digits of a digest of its own, and so does each of several that would share a column.
    """
    plain = {name: snake_case(name) if name.strip() else "unnamed" for name in names}
    columns = {}
    for name, column in plain.items():
        shared = [other for other in plain if plain[other] == column and other != name]
        taken = column in tables.CONTACTS or column.startswith("_dlt")
        own = f"contact_{column}" if taken else column
        if column != name and (shared or name.lower() == column):
            own = f"{own}_{sha256(name.encode()).hexdigest()[:6]}"
        columns[name] = own
    return columns


def _data(body: bytes) -> Any:
    try:
        answer = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_parse_int)
    except (ValueError, RecursionError) as fault:
        raise BrokenAnswerError("the answer is not whole JSON") from fault
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict | list):
        raise BrokenAnswerError("the answer has no data")
    return answer["data"]


def _records(body: bytes) -> list[Any]:
    """The records of a list, or of a map by id."""
    data = _data(body)
    return list(data.values()) if isinstance(data, dict) else data


def _object(body: bytes) -> Mapping[str, Any]:
    data = _data(body)
    if not isinstance(data, dict):
        raise BrokenAnswerError("the answer's data is no object")
    return data


def _user(record: Mapping[str, Any]) -> Row:
    return {
        "id": _whole(record.get("id")),
        "org_id": _whole(record.get("orgId")),
        "name": _as_text(record.get("name")),
        "alias": _as_text(record.get("alias")),
        "email": _as_text(record.get("email")),
        "phone": _as_text(record.get("phone")),
        "locale": _as_text(record.get("locale")),
        "availability": _as_text(record.get("availability")),
        "role": _as_text(record.get("role")),
        "time_zone": _as_text(record.get("timeZone")),
        "avatar_url": _as_text(record.get("avatarUrl")),
        "is_verified": _flag(record.get("verified")),
        "is_bot": _flag(record.get("bot")),
        "created_at": _time(record.get("createdAt")),
        "updated_at": _time(record.get("updatedAt")),
    }


def _team(record: Mapping[str, Any]) -> Row:
    return {
        "id": _whole(record.get("id")),
        "org_id": _whole(record.get("orgId")),
        "workspace_id": _as_text(record.get("workspaceId")),
        "name": _as_text(record.get("name")),
        "owner_id": _whole(record.get("owner")),
        "status": _as_text(record.get("status")),
        "is_main": _flag(record.get("main")),
        "updated_at": _time(record.get("updatedAt")),
    }


def _contact(body: bytes, kept: Mapping[str, str]) -> Row:
    data = _object(body)
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        attributes = {}
    names = {"email": "email", "first_name": "first_name", "last_name": "last_name"}
    names |= {"company": "company", **kept}
    row = {column: _as_text(attributes.get(name)) for name, column in names.items()}
    return row | {"created_at": _time(data.get("createdAt"))}


def _conversation(body: bytes) -> Row:
    data = _object(body)
    return {
        "contact_id": _whole(data.get("contactId")),
        "status": _as_text(data.get("status")),
        "playbook_id": _as_text(data.get("relatedPlaybookId")),
        "inbox_id": _as_text(data.get("inboxId")),
        "created_at": _time(data.get("createdAt")),
        "updated_at": _time(data.get("updatedAt")),
    }


def _whole(value: Any) -> int | None:
    """The whole number; nothing where there is none."""
    try:
        return None if value is None else _whole_number("id", value, numeric_text=True)
    except (ValueError, OverflowError):
        return None


def _as_text(value: Any) -> str | None:
    """Text out of anything."""
    if value is None or isinstance(value, str):
        return value and _text(value)
    return _text(json.dumps(value, ensure_ascii=False))


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: Any) -> datetime | None:
    at = _whole(value)
    if at is None or not TIME_MIN_MS <= at <= TIME_MAX_MS:
        return None
    return EPOCH + timedelta(milliseconds=at)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
