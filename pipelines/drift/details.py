"""Contacts and conversations that meetings name: in bulk by a report, and one request for each.

What is asked for is in order: what nobody has asked for yet, of the newest meetings first; what
could not be read before; what is old, and has a meeting that changed.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import dlt
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.configuration.inject import with_config

from . import api, tables
from .api import DriftError, ForbiddenError, GoneError, RefusedError
from .known_state import contact_ids, opened, timestamp_literal
from .reading import Reading, Report
from .tables import CONTACT, CONVERSATION, COUNTS, UTC_TIME, RawTable, Row
from .values import (
    BrokenAnswerError,
    as_id,
    as_milliseconds,
    as_text,
    as_time,
    data_object,
    parse_json,
    record_values,
    snake_case,
    to_milliseconds,
)

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000

LOOKBACK_DAYS: Final = 30
"""How long before its first booking a conversation is looked for in bulk."""

SHORTEST_MS: Final = 60_000
"""The shortest span that is cut."""

MOST_QUERIES: Final = 50
"""In one run: Drift answers 60 a minute."""

PATIENCE: Final = 6
"""Records in a row that cannot be read before the rest is left to the next run."""

FIRST: Final = 3
"""Records that are asked for at once before one of them is read. If all are refused, it is the
token."""

RECORD_SECONDS: Final = 10.0
"""The most that one record may take, with all its tries."""

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""What is known is not read again."""

WAITING: Final = pa.schema(
    [
        ("id", pa.int64()),
        ("oldest_at", UTC_TIME),
        ("newest_at", UTC_TIME),
        ("turn", pa.int64()),
    ]
)


REPORT_METRICS: Final = ("createdAt", "relatedPlaybookId", "endUserId")
"""What a report on conversations is asked for."""

REPORTED: Final = pa.schema(
    [CONVERSATION.schema.field(name) for name in ("id", "contact_id", "playbook_id", "created_at")]
)
"""What of a conversation a report says."""


@dataclass(frozen=True)
class Wanted:
    """How records are asked for that have a request each."""

    endpoint: api.Endpoint
    table: RawTable
    decode: Callable[[bytes], Row]
    most: int
    """In one run."""


# --- which are wanted


def wanted_records(
    reading: Reading, table: RawTable, column: str, oldest: datetime = NEVER
) -> pa.Table:
    """`id` of what could be asked for, in the order in which it should be; `oldest_at` and
    `newest_at`, when the first and the last meeting that names it were booked; and its `turn`: 0
    for what nobody has asked for yet, 1 for what could not be read, 2 for what was read before
    `oldest` and has a meeting that changed since.
    """
    named = reading.found.ids(column)
    state = pa.schema([table.schema.field(name) for name in ("id", "is_gone", "read_at")])
    with reading.destination.open() as stored:
        no_more = contact_ids(stored.forgotten()) if table.name == CONTACT.name else []
        known = state.empty_table()
        if named.num_rows:
            known = stored.table(f"select {', '.join(state.names)} from {table.name}", state)
        waiting = stored.table(
            _waiting_query(table.name, column, oldest, even_gone=reading.full_refresh),
            WAITING,
        )
    forgotten = pa.table({"id": pa.array(no_more, pa.int64())})
    given = {"named": named, "known": known, "waiting": waiting, "forgotten": forgotten}
    with closing(duckdb.connect(":memory:")) as scratch:
        for name, rows in given.items():
            scratch.register(name, rows)
        # Without parameters: a result of a query with some reaches Arrow ten times as slowly.
        ids = scratch.sql(
            f"""
            select id, min(oldest_at) as oldest_at, max(newest_at) as newest_at, max(turn) as turn
            from (
                select id, oldest_at, newest_at, turn from waiting
                union all
                select named.id, named.booked_at, named.booked_at, {_TURN}
                from named
                left join known on named.id = known.id
                where known.id is null or known.is_gone is null
                    or (is_gone and {reading.full_refresh})
                    or (not is_gone and read_at < {timestamp_literal(oldest)})
            ) as every
            where id not in (select id from forgotten)
            group by id
            order by max(turn), max(newest_at) desc, id desc
            """
        )
        return ids.to_arrow_table()


_TURN: Final = "case when known.id is null then 0 when known.is_gone is null then 1 else 2 end"


def _waiting_query(table: str, column: str, oldest: datetime, *, even_gone: bool) -> str:
    again = f"not is_gone and read_at < {timestamp_literal(oldest)} and changed_at > read_at"
    booked_at = "coalesce(versions.scheduled_at, versions.updated_at)"
    return f"""
        select named.id, oldest_at, newest_at, {_TURN} as turn
        from (
            select
                versions.{column} as id,
                min({booked_at}) as oldest_at,
                max({booked_at}) as newest_at,
                max(runs.started_at) as changed_at
            from {tables.VERSIONS.name} as versions
            left join {tables.SYNC.name} as runs on versions.sync_id = runs.sync_id
            where versions.{column} is not null and versions.{COUNTS}
            group by versions.{column}
        ) as named
        left join {table} as known on named.id = known.id
        where known.id is null or known.is_gone is null or ({again}){" or is_gone" * even_gone}
        """


@with_config(sections=("sources", "drift"))
def is_waiting(
    pipeline: dlt.Pipeline,
    contacts: bool = True,
    conversations: bool = True,
    contact_refresh_days: float = 30.0,
    full_refresh: bool = False,
) -> bool:
    """Whether `contacts` or `conversations_by_id` may have something to ask for.

    Where not, a run of theirs can be spared. The settings are those of `drift_source`.
    """
    with opened(pipeline) as stored:
        if not (last := stored.newest_sync()):
            return False
        oldest = last["started_at"] - timedelta(days=contact_refresh_days)
        wanted = [(CONTACT, "scheduler_id", oldest)] * contacts
        wanted += [(CONVERSATION, "conversation_id", NEVER)] * conversations
        forgotten = set(contact_ids(stored.forgotten()))
        for table, column, oldest in wanted:
            no_more = forgotten if table is CONTACT else set()
            query = _waiting_query(table.name, column, oldest, even_gone=full_refresh)
            if set(stored.values(f"{query} limit {len(no_more) + 1}")) - no_more:
                return True
    return False


# --- in bulk


@dlt.resource(name="conversations", section="drift")
def read_conversations(reading: Reading) -> Iterator[Any]:
    """Table `conversations`: those in which meetings were booked, by a report on many of them.

    Those that it does not have are left to `conversations_by_id`: all of them where Drift refuses
    the report, none where it fails.
    """
    report, found = Report(), reading.found
    found.single_conversations = []
    wanted = wanted_records(reading, CONVERSATION, "conversation_id")
    wanted = wanted.filter(pc.equal(wanted["turn"], 0))
    if not wanted.num_rows:
        found.single_conversations = None
        return
    with reading.destination.open() as stored:
        moment = reading.read_at(stored)
    parts: list[pa.Table] = []
    missing = dict.fromkeys(wanted["id"].to_pylist(), True)  # ordered
    with report.contain(CONVERSATION.name):
        try:
            for rows in _reported(reading, wanted, moment):
                is_new = [missing.pop(number, False) for number in rows["id"].to_pylist()]
                parts.append(rows.filter(pa.array(is_new, pa.bool_())))
                if not missing:
                    break
        except RefusedError as refusal:
            log.info(f"conversations are read one by one: {refusal}")
        found.single_conversations = list(missing)
    if count := sum(part.num_rows for part in parts):
        report.read(f"{count:,} {CONVERSATION.name}")
        read = pa.concat_tables(parts)
        read = read.append_column("is_gone", pa.repeat(pa.scalar(False), count))
        read = read.append_column("read_at", pa.repeat(pa.scalar(moment, UTC_TIME), count))
        # What a report does not say is null.
        empty = CONVERSATION.schema.empty_table()
        read = pa.concat_tables([empty, read], promote_options="default")
        yield CONVERSATION.rows(reading.policy.rows(CONVERSATION, read))


def _reported(reading: Reading, wanted: pa.Table, now: datetime) -> Iterator[pa.Table]:
    """Rows of all conversations that began when the wanted ones may have.

    Where the report counts more than it has, the span is cut: nobody has written down whether
    answers are capped. But an answer shorter than another is not cut, whatever it counts; and none
    any more where two parts count more than the whole: then it counts something else.
    """
    budget = reading.list_budget(CONVERSATION.name)

    def ask(begin: int, end: int) -> tuple[int, int, pa.Table]:
        # A millisecond to spare on either side: nobody says whether the bounds are included.
        began = {"property": "createdAt", "operation": "BETWEEN", "values": [begin - 1, end + 1]}
        query = {"filters": [began], "metrics": list(REPORT_METRICS)}
        return reading.client.get(api.CONVERSATION_REPORT, report_rows, body=query, budget=budget)

    oldest, newest = pc.min(wanted["oldest_at"]).as_py(), pc.max(wanted["newest_at"]).as_py()
    span = (
        max(1, to_milliseconds(oldest) - LOOKBACK_DAYS * DAY_MS),
        to_milliseconds(min(newest, now)) + DAY_MS,
    )
    count, longest, rows = ask(*span)
    yield rows
    cut = [(span, count)] if count > longest else []
    for _ in range(MOST_QUERIES // 2):
        if not cut:
            return
        (begin, end), whole = cut.pop()
        counted, middle = 0, (begin + end) // 2
        for part in ((begin, middle), (middle + 1, end)):
            count, records, rows = ask(*part)
            yield rows
            longest, counted = max(longest, records), counted + count
            if count > records == longest and part[1] - part[0] > SHORTEST_MS:
                cut.append((part, count))
        if counted > whole + 2:  # those at the bounds may be in both parts
            return


def report_rows(body: bytes) -> tuple[int, int, pa.Table]:
    """A report's `count`, the number of its records, and rows of those that have an id.

    The rows have the columns of `REPORTED`. Raises `BrokenAnswerError`. Metrics come in the order
    of `REPORT_METRICS`; what is no number, such as the text `NaN`, is absent.
    """
    answer = parse_json(body)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or type(count := answer.get("count")) is not int:
        raise BrokenAnswerError("the answer is no report")
    rows = []
    for record in data:
        metrics = record.get("metrics") if isinstance(record, dict) else None
        if not isinstance(metrics, list):
            continue
        if (number := as_id(record.get("conversationId"))) is not None:
            began, playbook, contact, *_ = (*metrics, None, None, None)
            rows.append((number, as_id(contact), as_id(playbook), as_milliseconds(began)))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(REPORTED)
    # Playbooks become texts, and numbers times, as columns: one by one takes far longer.
    kinds = (pa.int64(), pa.int64(), pa.int64(), pa.timestamp("ms", "UTC"))
    sent = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return count, len(data), pa.table(sent, REPORTED.names).cast(REPORTED)


# --- one by one


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


def contact_row(body: bytes, further: Mapping[str, str]) -> Row:
    """A contact; `further` has columns by the attributes that they hold."""
    data = data_object(body)
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        attributes = {}
    names = {name: name for name in ("email", "first_name", "last_name", "company")}
    row = {column: as_text(attributes.get(name)) for name, column in {**names, **further}.items()}
    return row | {"created_at": as_time(data.get("createdAt"))}


@dlt.resource(name="contacts", section="drift")
def read_contacts(
    reading: Reading, further: dict[str, str], most: int, refresh: timedelta
) -> Iterator[Any]:
    """Table `contacts`: who booked the meetings that are loaded, one request each.

    `further` has columns by the attributes that they hold, beside the usual ones. Half of the time
    is left to conversations, where some wait for it.
    """
    extra: tables.Columns = {
        column: ("text", f"The attribute {name}.") for name, column in further.items()
    }
    table = replace(CONTACT, columns={**tables.CONTACTS, **extra})
    with reading.destination.open() as stored:
        oldest = reading.read_at(stored) - refresh
    ids = wanted_records(reading, table, "scheduler_id", oldest)
    wanted = Wanted(api.CONTACT, table, lambda body: contact_row(body, further), most)
    share = 0.5 if reading.found.single_conversations else 1.0
    yield from read_by_id(reading, wanted, ids, share)


@dlt.resource(name="conversations_by_id", section="drift")
def read_single_conversations(reading: Reading, most: int) -> Iterator[Any]:
    """Table `conversations`: those that the report does not have, one request each."""
    ids = wanted_records(reading, CONVERSATION, "conversation_id")
    if reading.found.single_conversations is not None:
        single = pa.array(reading.found.single_conversations, pa.int64())
        is_failed = pc.equal(ids["turn"], 1)
        ids = ids.filter(pc.or_(is_failed, pc.is_in(ids["id"], single)))
    wanted = Wanted(api.CONVERSATION, CONVERSATION, conversation_row, most)
    yield from read_by_id(reading, wanted, ids, 1.0)


def conversation_row(body: bytes) -> Row:
    """A conversation."""
    return record_values(CONVERSATION.columns, data_object(body))


def read_by_id(reading: Reading, wanted: Wanted, ids: pa.Table, share: float) -> Iterator[Any]:
    """Rows of these records, as many as can be read in time, several at once.

    Of what cannot be read for the first time, there is a row without `is_gone`: it goes last from
    then on.
    """
    if not ids.num_rows:
        return
    report, table, budget = Report(), wanted.table, reading.details_budget(share)
    with reading.destination.open() as stored:
        moment, policy = reading.read_at(stored), reading.policy.forgetting(stored)
        was_read = bool(stored.values(f"select 1 from {table.name} where not is_gone limit 1"))

    def read(number: int) -> Row:
        each = budget.part(RECORD_SECONDS, f"{table.name} {number}")
        row: Row = {"is_gone": False}
        try:
            row |= reading.client.get(wanted.endpoint, wanted.decode, budget=each, id=number)
        except GoneError:
            row["is_gone"] = True
        return row | {"id": number, "read_at": moment}

    asked = ids["id"].to_pylist()[: wanted.most]
    rows, failed = _read_each(read, asked, table.name, reading.client.in_flight, budget.left)
    left = ids.num_rows - len(rows)
    report.read(f"{len(rows):,} {table.name}" + f" ({left:,} left to the next runs)" * bool(left))
    refused = [one for one in failed.values() if isinstance(one, ForbiddenError)]
    lacks_scope = len(refused) == len(failed) and not (rows or was_read)
    if failed:
        words = next(str(one) for one in (*refused, *failed.values()))
        if refused and not lacks_scope:
            words = refused[0].refusal
        some = "" if lacks_scope else f"{len(failed):,} could not be read: "
        report.missing(f"{table.name}: {some}{words}")
    elif left and not rows:
        report.missing(f"{table.name}: {budget.over}")
    if not lacks_scope:
        turns = dict(zip(ids["id"].to_pylist(), ids["turn"].to_pylist(), strict=True))
        rows += [{"id": n, "read_at": moment} for n in failed if turns[n] == 0]
    if rows:
        read_rows = pa.Table.from_pylist(rows, schema=table.schema)
        if table.name == CONTACT.name and (told := policy.told_by_address(read_rows, moment)):
            yield tables.FORGOTTEN.rows(told)
        yield table.rows(policy.rows(table, read_rows))


def _read_each(
    read: Callable[[int], Row],
    ids: Sequence[int],
    name: str,
    in_flight: int,
    left: Callable[[], float],
) -> tuple[list[Row], dict[int, DriftError]]:
    """Rows of those that could be read, and why the others could not.

    `PATIENCE` failures in a row end it, and so does the end of the seconds that are `left`: what
    was read by then is kept.
    """
    waiting, running = deque(ids), dict[Future[Row], int]()
    rows, failed, in_a_row, refused = list[Row](), dict[int, DriftError](), 0, 0
    with ThreadPoolExecutor(in_flight, thread_name_prefix="drift") as pool:
        try:
            while waiting or running:
                most = in_flight if rows else min(in_flight, FIRST - refused)
                while waiting and len(running) < most and left() > 0:
                    number = waiting.popleft()
                    running[pool.submit(read, number)] = number
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    number = running.pop(future)
                    try:
                        rows.append(future.result())
                        in_a_row = 0
                    except DriftError as failure:
                        if left() > 0:  # else it was for want of time
                            failed[number] = failure
                        in_a_row += 1
                        refused += isinstance(failure, ForbiddenError)
                        if in_a_row == PATIENCE or (refused == FIRST and not rows):
                            waiting.clear()
                log.info(f"{len(rows):,} of {len(ids):,} {name} read", extra={"passing": True})
        finally:
            pool.shutdown(cancel_futures=True)
    return rows, failed
