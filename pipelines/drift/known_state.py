"""What the destination has of the source's own tables."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.configuration.container import Container
from dlt.common.destination.client import JobClientBase
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.common.pipeline import PipelineContext, SupportsPipeline
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract.exceptions import CurrentSourceSchemaNotAvailable

from .tables import (
    ALL,
    ATTRIBUTE,
    COUNTS,
    FORGOTTEN,
    HASHED,
    IMPORT,
    IS_WHOLE,
    LISTING,
    SYNC,
    VERSIONS,
    RawTable,
    Row,
)

Visitors = Mapping[str, str | None]
"""Contacts' ids, and keyed hashes of e-mail addresses with the keys that are not
`personal_data_key`."""

BATCH_ROWS: Final = 50_000

READ_TABLES: Final = re.compile(r"\b(?:from|join)\s+([a-z]\w*)")
"""The source's own tables in a query; dlt's begin with an underscore."""


STATES: Final = pa.schema(
    [
        *(VERSIONS.schema.field(n) for n in ("slug", "slot_start", "content_hash", "details_hash")),
        ("is_newest", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Before:
    """What the destination has as a read begins."""

    last_id: str | None
    """The greatest `sync_id` of any read."""
    most_seen: int
    """The most meetings that any read has seen."""
    states: pa.Table
    """The known states that this read may bring again: those of `STATES`."""
    listed: pa.Table
    """`slug` and `slot_start` of what the last read listed, as far as that may be in sight."""
    listed_slugs: pa.Array
    organisations: set[int]
    attributes: set[str]


@dataclass(frozen=True)
class KnownState:
    """An open connection to the destination, and those of the source's tables that are there."""

    client: SqlClientBase[Any]
    tables: frozenset[str]

    def table(self, query: str, columns: pa.Schema) -> pa.Table:
        """The rows of a query in DuckDB's SQL; none while one of the tables it reads is not there.

        A table's name stands for that in the pipeline's dataset.
        """
        batches = (rows.cast(columns) for rows in self._batches(query))
        return pa.concat_tables([columns.empty_table(), *batches])

    def values(self, query: str) -> list[Any]:
        """The values of such a query's one column."""
        return [value for rows in self._batches(query) for value in rows.column(0).to_pylist()]

    def _batches(self, query: str) -> Iterator[pa.Table]:
        # Asked for beforehand: BigQuery says only while fetching that a table is missing.
        if not self.tables.issuperset(READ_TABLES.findall(query)):
            return
        sql = transpile(self.client, query)
        with self.client.execute_query(sql) as cursor, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # DuckDB's, about how dlt calls it
            for batch in cursor.iter_arrow(BATCH_ROWS):
                # BigQuery's client yields record batches.
                yield batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])

    def newest_sync(self) -> Row:
        """The row of the newest sync that counts, or {}. Order is by `sync_id`, whatever clocks
        did."""
        names = ", ".join(SYNC.columns)
        query = f"select {names} from {SYNC.name} where {IS_WHOLE} order by sync_id desc limit 1"
        rows: list[Row] = self.table(query, SYNC.schema).to_pylist()
        return rows[0] if rows else {}

    def before(self, oldest: datetime, since: datetime | None) -> Before:
        """What a read needs that may see meetings that start at `oldest`, or after; the states are
        these meetings', and those that came about `since`."""
        wanted = f"slot_start is null or slot_start >= {timestamp_literal(oldest)}"
        if since:
            wanted += f" or updated_at >= {timestamp_literal(since)}"
        states = self.table(
            f"""
            select
                slug,
                slot_start,
                content_hash,
                details_hash,
                row_number() over (
                    partition by slug order by updated_at desc, sync_id desc, content_hash desc
                ) = 1 as is_newest
            from {VERSIONS.name}
            where {COUNTS} and ({wanted})
            """,
            STATES,
        )
        listed_slugs = self.table(
            f"""
            select slug from (
                select
                    slug,
                    is_listed,
                    row_number() over (partition by slug order by sync_id desc) as age
                from {LISTING.name}
                where {COUNTS}
            ) as listings
            where age = 1 and is_listed
            """,
            pa.schema([("slug", pa.string())]),
        )["slug"].combine_chunks()
        newest = states.filter(states["is_newest"])
        every = f"select sync_id from {SYNC.name} union all select sync_id from {IMPORT.name}"
        ids = self.values(f"select max(sync_id) from ({every}) as runs where sync_id >= '1'")
        most = self.values(f"select max(meetings_seen) from {SYNC.name} where {IS_WHOLE}")
        return Before(
            next(iter(ids), None),
            next(iter(most), 0) or 0,
            states,
            newest.filter(pc.is_in(newest["slug"], listed_slugs)).select(["slug", "slot_start"]),
            listed_slugs,
            self.distinct("org_id", VERSIONS),
            self.distinct("name", ATTRIBUTE),
        )

    def distinct(self, column: str, table: RawTable) -> set[Any]:
        """The values of a column in rows that count."""
        query = f"select distinct {column} from {table.name} where {column} is not null"
        return set(self.values(f"{query} and {COUNTS}"))

    def forgotten(self) -> Visitors:
        """Those who are to be forgotten."""
        query = f"select {', '.join(FORGOTTEN.columns)} from {FORGOTTEN.name}"
        rows = self.table(query, FORGOTTEN.schema).to_pylist()
        return {row["visitor"]: row["hash_key"] for row in rows}

    def slugs_of(self, contacts: Sequence[int], more: str = "") -> set[str]:
        """The meetings of which a version names one of these contacts, if one fulfils `more`."""
        theirs = f"select slug from {VERSIONS.name} where scheduler_id in ({listed(contacts)})"
        query = f"select distinct slug from {VERSIONS.name} where slug in ({theirs}){more}"
        return set(self.values(query)) if contacts else set()

    def remove_leftovers(self) -> None:
        """Deletes what a load has left behind that did not end: nobody counts it."""
        if not self.tables.issuperset(table.name for table in ALL):
            return
        leftovers = {
            table.name: f"from {table.name} where not {IS_WHOLE if table.has_load_id else COUNTS}"
            for table in sorted(ALL, key=lambda table: table.has_load_id)  # syncs go last
            if "sync_id" in table.columns
        }
        each = (
            f"select '{name}' as name, count(*) as number {rows}"
            for name, rows in leftovers.items()
        )
        query = f"select name from ({' union all '.join(each)}) as counts where number > 0"
        for name in sorted(self.values(query), key=list(leftovers).index):
            self.client.execute_sql(transpile(self.client, f"delete {leftovers[name]}"))


def contact_ids(visitors: Iterable[str]) -> list[int]:
    """The contacts' ids among them."""
    return [int(one) for one in visitors if not one.startswith(HASHED)]


def timestamp_literal(moment: datetime) -> str:
    """A moment in a query."""
    return f"cast('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00' as timestamptz)"


def listed(ids: Iterable[int]) -> str:
    """Ids in a query."""
    return ", ".join(map(str, sorted(ids)))


class Destination:
    """The destination of the active pipeline."""

    def __init__(self) -> None:
        self._tables: frozenset[str] = frozenset()
        self._free: dict[SupportsPipeline, JobClientBase] = {}

    @contextmanager
    def open(self) -> Iterator[KnownState]:
        """Asks what it has. To be opened for several queries: that costs more than they do.

        Raises dlt's `SqlClientNotAvailable` for a destination that takes no SQL.
        """
        # dlt.current.pipeline() reads all of a pipeline's settings anew
        pipeline = Container()[PipelineContext].pipeline()
        try:
            name = dlt.current.source_schema().name
        except CurrentSourceSchemaNotAvailable:  # asked beside a run
            name = ""
        is_known = name in pipeline.schemas
        # A client costs as much as many queries, and serves again.
        with self._free.pop(pipeline, None) or pipeline.destination_client(
            name if is_known else ""
        ) as client:
            if not isinstance(client, SqlJobClientBase):
                raise SqlClientNotAvailable(
                    "pipeline", pipeline.pipeline_name, client.config.destination_type
                )
            names = [table.name for table in ALL]
            # Tables do not go away: once all are there, nobody needs to ask again.
            if not self._tables.issuperset(names) and client.is_storage_initialized():
                stored = client.get_storage_tables([*names, FORGOTTEN.name])
                self._tables = frozenset(name for name, columns in stored if columns)
            yield KnownState(client.sql_client, self._tables)
        if is_known:
            self._free[pipeline] = client


@contextmanager
def opened(pipeline: dlt.Pipeline) -> Iterator[KnownState]:
    """What this pipeline's destination has, beside a run."""
    pipeline.activate()
    with Destination().open() as stored:
        yield stored


def transpile(client: SqlClientBase[Any], query: str) -> str:
    """The query in the destination's dialect, its tables named in full, in the client's dataset.

    dlt's `pipeline.dataset()` does the same; with it, a query takes some 20 ms more.
    """
    dialect = client.capabilities.sqlglot_dialect
    if dialect == "duckdb":
        return query
    import sqlglot  # noqa: PLC0415 - DuckDB needs none of it
    from sqlglot import exp  # noqa: PLC0415

    parsed = sqlglot.parse_one(query, read="duckdb")
    for table in list(parsed.find_all(exp.Table)):
        parts = client.make_qualified_table_name_path(table.name, quote=False)
        names = [exp.to_identifier(part, quoted=True) for part in parts]
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
        full = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))
        full.set("alias", alias)
        table.replace(full)
    return parsed.sql(dialect=dialect)
