"""Which records meetings name that nobody has read yet, or not for a long time."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.inject import with_config

from . import tables
from .forgotten import forgetting
from .known_state import Destination
from .privacy import PrivacyPolicy
from .run import Run, last_read
from .sql import timestamp_literal
from .tables import RawTable
from .values import UTC_TIME

WAITING: Final = pa.schema(
    [
        ("id", pa.int64()),
        ("oldest_at", UTC_TIME),
        ("newest_at", UTC_TIME),
        ("is_known", pa.bool_()),
    ]
)

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""What is known is not read again."""


def wanted_records(run: Run, table: RawTable, column: str, oldest: datetime = NEVER) -> pa.Table:
    """`id` of what could be asked for, in the order in which it should be, and when the first and
    the last meeting that names it were booked: `oldest_at`, `newest_at`.

    That is what meetings name in `column` and is not known, those of the newest meetings first;
    then what was read before `oldest` and has a meeting that changed since.
    """
    named = run.ids(column)
    state = pa.schema([table.schema.field(name) for name in ("id", "is_gone", "read_at")])
    no_more = run.privacy.forgotten_ids if table.name == tables.CONTACT.name else []
    with run.destination.open() as stored:
        known = state.empty_table()
        if named.num_rows:
            known = stored.table(f"select {', '.join(state.names)} from {table.name}", state, table)
        waiting = stored.table(
            _waiting_query(table.name, column, oldest, even_gone=run.full_refresh),
            WAITING,
            tables.VERSIONS,
            tables.SYNC,
            table,
        )
    forgotten = pa.table({"id": pa.array(no_more, pa.int64())})
    given = {"named": named, "known": known, "waiting": waiting, "forgotten": forgotten}
    with closing(duckdb.connect(":memory:")) as scratch:
        for name, rows in given.items():
            scratch.register(name, rows)
        # Without parameters: a result of a query with some reaches Arrow ten times as slowly.
        ids = scratch.sql(
            f"""
            select id, min(oldest_at) as oldest_at, max(newest_at) as newest_at
            from (
                select id, oldest_at, newest_at, is_known from waiting
                union all
                select named.id, named.booked_at, named.booked_at, known.id is not null
                from named
                left join known on named.id = known.id
                where known.id is null or (is_gone and {run.full_refresh})
                    or (not is_gone and read_at < {timestamp_literal(oldest)})
            ) as every
            where id not in (select id from forgotten)
            group by id
            order by bool_or(is_known), max(newest_at) desc, id desc
            """
        )
        return ids.to_arrow_table()


def _waiting_query(table: str, column: str, oldest: datetime, *, even_gone: bool) -> str:
    again = f"not is_gone and read_at < {timestamp_literal(oldest)} and changed_at > read_at"
    return f"""
        select id, oldest_at, newest_at, known_id is not null as is_known
        from (
            select
                id,
                min(booked_at) as oldest_at,
                max(booked_at) as newest_at,
                max(started_at) as changed_at
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
    conversations: bool = True,
    contact_refresh_days: float = 30.0,
    full_refresh: bool = False,
) -> bool:
    """Whether `contacts` or `conversations_by_id` may have something to ask for.

    Where not, a run of theirs can be spared. The settings are those of `drift_source`.
    """
    last = last_read(pipeline)
    if not last:
        return False
    oldest = last["started_at"] - timedelta(days=contact_refresh_days)
    wanted = [(tables.CONTACT, "scheduler_id", oldest)] * contacts
    wanted += [(tables.CONVERSATION, "conversation_id", NEVER)] * conversations
    pipeline.activate()
    with Destination().open() as stored:
        forgotten = set(forgetting(PrivacyPolicy(), stored).forgotten_ids)
        for table, column, oldest in wanted:
            no_more = forgotten if table is tables.CONTACT else set()
            query = _waiting_query(table.name, column, oldest, even_gone=full_refresh)
            some = f"{query} limit {len(no_more) + 1}"
            waiting = stored.table(some, WAITING, tables.VERSIONS, tables.SYNC, table)
            if {*waiting["id"].to_pylist()} - no_more:
                return True
    return False
