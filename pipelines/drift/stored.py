"""What the destination has of the source's own tables."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import dlt
import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from dialect import transpile
from drift import tables
from drift.decode import Rejected


def read_stored(
    query: str, columns: pa.Schema, opened: SqlClientBase[Any] | None = None
) -> pa.Table:
    """Rows of one of the source's own tables, as the destination has it; none before it exists."""
    return pa.concat_tables([columns.empty_table(), *read_stored_batches(query, columns, opened)])


def read_stored_batches(
    query: str, columns: pa.Schema, opened: SqlClientBase[Any] | None = None
) -> Iterator[pa.Table]:
    """The same in batches."""
    with nullcontext(opened) if opened else dlt.current.pipeline().sql_client() as client:
        try:
            with client.execute_query(transpile(client, query)) as cursor, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # DuckDB's, about how dlt calls it
                for batch in cursor.iter_arrow(50_000):
                    yield batch.cast(columns)
        except DatabaseUndefinedRelation:
            return


def count(table: str) -> int:
    """Rows of one of the source's own tables: more than were loaded, if a load was cut short."""
    counted = read_stored(
        f"select count(*) as rows from {table}", pa.schema([("rows", pa.int64())])
    )
    return sum(counted["rows"].to_pylist())


def undocumented_types() -> dict[str, pa.DataType]:
    """Types of the columns that the warehouse has for attributes nobody documented."""
    table = dlt.current.source_schema().tables.get("meeting_versions", {"columns": {}})
    return {
        name: tables.ARROW_TYPES.get(str(column.get("data_type")), pa.string())
        for name, column in table["columns"].items()
        if name not in tables.MEETING_VERSIONS and column.get("data_type")
    }


def new_rejects(rejected: Sequence[Rejected], sync_id: str) -> list[dict[str, Any]]:
    """Rows for the records that `rejected_meetings` lacks; equal ones are told by number."""
    known: set[str] = set()
    if rejected:
        rows_stored = read_stored(
            f"select record_id from {tables.REJECTED.name}", pa.schema([("record_id", pa.string())])
        )
        known = set(rows_stored["record_id"].to_pylist())
    times: Counter[str] = Counter()
    rows = []
    for record in rejected:
        record_id = rejected_id(record, times[record.raw_json])
        times[record.raw_json] += 1
        if record_id not in known:
            rows.append(
                {
                    "record_id": record_id,
                    "slug": record.slug,
                    "raw_json": record.raw_json,
                    "reason": record.reason,
                    "sync_id": sync_id,
                }
            )
    return rows


def rejected_id(record: Rejected, number: int) -> str:
    """A digest that tells equal records apart by their number."""
    return hashlib.sha256(f"{number}:{record.raw_json}".encode()).hexdigest()[:32]
