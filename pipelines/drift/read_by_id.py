"""Contacts and conversations: one request for each that meetings name and nobody has read yet."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.inject import with_config

from . import tables
from .endpoints import Endpoint
from .errors import DriftError, ForbiddenError, GoneError
from .known_state import Destination
from .records import Row
from .related import Report
from .run import Run, last_read
from .sql import timestamp_literal
from .tables import RawTable
from .values import UTC_TIME

log = logging.getLogger(__name__)

WAITING: Final = pa.schema([("id", pa.int64()), ("newest_at", UTC_TIME), ("is_known", pa.bool_())])

PATIENCE: Final = 3
"""Records in a row that cannot be read before the rest is left to the next run."""


@dataclass(frozen=True)
class Wanted:
    """Which records are asked for: those that meetings name in `column`."""

    endpoint: Endpoint
    table: RawTable
    column: str
    decode: Callable[[bytes], Row]
    most: int
    """In one run: first those not known, those of the newest meetings first."""
    refresh_days: float
    """One that is known is read again when this old, if one of its meetings has changed since."""


def read_by_id(run: Run, wanted: Wanted) -> Iterator[Any]:
    """Rows of the records that are wanted and could be read."""
    yield from run.wait_for_meetings()
    report, table = Report(), wanted.table
    read_at = run.read_at()
    ids = _wanted_ids(run, wanted, read_at - timedelta(days=wanted.refresh_days))

    def read(number: int) -> Row:
        row: Row = {"is_gone": False}
        try:
            row |= run.client.get(wanted.endpoint, wanted.decode, id=number)
        except GoneError:
            row["is_gone"] = True
        return row | {"id": number, "read_at": read_at}

    asked = ids.slice(0, wanted.most).to_pylist()
    rows, failed, failure = _read_each(read, asked, table.name, run.in_flight)
    left = len(ids) - len(rows)
    report.read(f"{len(rows):,} {table.name}" + f" ({left:,} left to the next runs)" * bool(left))
    if failure:
        some = "" if isinstance(failure, ForbiddenError) else f"{failed:,} could not be read: "
        report.missing(f"{table.name}: {some}{failure}")
    if rows:
        found = pa.Table.from_pylist(rows, schema=table.schema)
        yield table.rows(run.privacy.rows(table, found))


def _wanted_ids(run: Run, wanted: Wanted, oldest: datetime) -> pa.ChunkedArray:
    """Ids that could be asked for, in the order in which they should be."""
    named, table = run.ids(wanted.column), wanted.table
    state = pa.schema([table.schema.field(name) for name in ("id", "is_gone", "read_at")])
    with run.destination.open() as stored:
        known = state.empty_table()
        if named.num_rows:
            known = stored.table(f"select {', '.join(state.names)} from {table.name}", state, table)
        waiting = stored.table(
            _waiting_query(table.name, wanted.column, oldest, even_gone=run.full_refresh),
            WAITING,
            tables.VERSIONS,
            tables.SYNC,
            table,
        )
    with closing(duckdb.connect(":memory:")) as scratch:
        for name, rows in (("named", named), ("known", known), ("waiting", waiting)):
            scratch.register(name, rows)
        ids = scratch.sql(
            """
            select id
            from (
                select id, newest_at, is_known from waiting
                union all
                select named.id, named.booked_at, known.id is not null
                from named
                left join known on named.id = known.id
                where known.id is null or (is_gone and $even_gone)
                    or (not is_gone and read_at < $oldest)
            ) as every
            group by id
            order by bool_or(is_known), max(newest_at) desc, id desc
            """,
            params={"even_gone": run.full_refresh, "oldest": oldest},
        )
        return ids.to_arrow_table()["id"]


def _waiting_query(table: str, column: str, oldest: datetime, *, even_gone: bool) -> str:
    again = f"not is_gone and read_at < {timestamp_literal(oldest)} and changed_at > read_at"
    return f"""
        select id, newest_at, known_id is not null as is_known
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
        where known_id is null or ({again}){" or is_gone" * even_gone}
        """


@with_config(sections=("sources", "drift"))
def is_waiting(
    pipeline: dlt.Pipeline,
    contacts: bool = True,
    conversations: bool = False,
    contact_refresh_days: float = 30.0,
    full_refresh: bool = False,
) -> bool:
    """Whether the resources `contacts` and `conversations` would ask for anything.

    Where not, a run of theirs can be spared. The settings are those of `drift_source`.
    """
    last = last_read(pipeline)
    wanted = [(tables.CONTACT, "scheduler_id")] * contacts
    wanted += [(tables.CONVERSATION, "conversation_id")] * conversations
    if not last or not wanted:
        return False
    oldest = last["started_at"] - timedelta(days=contact_refresh_days)
    pipeline.activate()
    with Destination().open() as stored:
        return any(
            stored.table(
                _waiting_query(table.name, column, oldest, even_gone=full_refresh) + " limit 1",
                WAITING,
                tables.VERSIONS,
                tables.SYNC,
                table,
            ).num_rows
            for table, column in wanted
        )


def _read_each(
    read: Callable[[int], Row], ids: Sequence[int], name: str, in_flight: int
) -> tuple[list[Row], int, DriftError | None]:
    """Rows of those that could be read, the number of those that could not, and the last reason.

    A refusal of the token ends it at once, `PATIENCE` failures in a row soon after: what was read
    by then is kept.
    """
    waiting, running = deque(ids), set[Future[Row]]()
    rows: list[Row] = []
    failed, in_a_row, failure = 0, 0, None
    with ThreadPoolExecutor(max_workers=in_flight, thread_name_prefix="drift") as pool:
        try:
            while waiting or running:
                while waiting and len(running) < in_flight:
                    running.add(pool.submit(read, waiting.popleft()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
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
