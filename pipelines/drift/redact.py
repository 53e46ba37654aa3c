"""A dlt source that writes what is stored anew, as `sources.drift.personal_data` now says.

Each table that may hold something personal is read from the destination in batches, passed through
the policy, and replaced as a whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import dlt
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from dlt.extract import DltResource

from . import tables
from .decode import Rejected
from .known_state import Destination
from .privacy import PrivacyPolicy, policy_of
from .rejects import rejected_id
from .tables import RawTable
from .versions import DIGEST, SENT

REDACTED: Final = (tables.VERSIONS, tables.REJECTED, tables.USER, tables.CONTACT)
"""The tables that may hold something personal."""


@dlt.source(name="drift", max_table_nesting=0)
def drift_redacted(
    personal_data: str = "keep", personal_data_key: dlt.TSecretStrValue | None = None
) -> list[DltResource]:
    """Every row of `REDACTED`, as far as the policy lets it be, in place of those there are.

    Args:
        personal_data: hash or drop: see `privacy`.
        personal_data_key: The key of the hash.
    """
    policy = policy_of(personal_data, personal_data_key)

    def resource(table: RawTable) -> DltResource:
        def redacted() -> Iterator[Any]:
            anew, some = replace(table, write_disposition="replace"), False
            for rows in _stored(table, policy):
                if rows.num_rows:
                    some = True
                    yield anew.rows(rows)
            if not some:  # else the old rows would stay
                yield anew.rows([])

        return dlt.resource(redacted, name=table.name)

    return [resource(table) for table in REDACTED]


def _stored(table: RawTable, policy: PrivacyPolicy) -> Iterator[pa.Table]:
    # Of meetings, the versions together; of equal rejects, each with its number of last time.
    order = "sync_id, reason, record_id" if table is tables.REJECTED else table.primary_key[0]
    query = f"select {', '.join(table.columns)} from {table.name} order by {order}"
    with Destination().open() as stored:
        yield from redacted(table, stored.batches(query, table.schema, table), policy)


def redacted(
    table: RawTable, batches: Iterable[pa.Table], policy: PrivacyPolicy
) -> Iterator[pa.Table]:
    """What the policy lets be of a table's rows, which are ordered by the table's first column."""
    if table is tables.VERSIONS:
        return _versions(batches, policy)
    if table is tables.REJECTED:
        return _rejects(batches, policy)
    return (policy.rows(table, batch) for batch in batches)


def _versions(batches: Iterable[pa.Table], policy: PrivacyPolicy) -> Iterator[pa.Table]:
    """Versions with the digest of what is left of them, so that the next read knows them again.

    Two that differed in nothing else, and that one read saw, are one from now on.
    """
    with closing(duckdb.connect(":memory:")) as scratch:
        scratch.execute("set timezone = 'UTC'").fetchall()
        for batch in _by_whole_meetings(batches):
            rows = policy.rows(tables.VERSIONS, batch)
            nothing = pa.scalar(None, rows["updated_at"].type)
            updated_at = pc.if_else(rows["is_updated_at_inferred"], nothing, rows["updated_at"])
            sent = rows.select(SENT.names)
            index = sent.column_names.index("updated_at")
            scratch.register("sent", sent.set_column(index, "updated_at", updated_at))
            digests = scratch.sql(f"select {DIGEST} as digest from sent").to_arrow_table()
            index = rows.column_names.index("content_hash")
            scratch.register("versions", rows.set_column(index, "content_hash", digests["digest"]))
            key = ", ".join(tables.VERSION_KEY)
            yield scratch.sql(f"select distinct on ({key}) * from versions").to_arrow_table()


def _by_whole_meetings(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, ordered by slug, without a meeting's being cut in two."""
    held: list[pa.Table] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        rows = pa.concat_tables([*held, batch])
        last = pc.equal(rows["slug"], rows["slug"][-1])
        yield rows.filter(pc.invert(last))
        held = [rows.filter(last)]
    yield from held


def _rejects(batches: Iterable[pa.Table], policy: PrivacyPolicy) -> Iterator[pa.Table]:
    times: Counter[str] = Counter()
    for batch in batches:
        rows = []
        for row in batch.to_pylist():
            record = policy.rejected(Rejected(row["raw_json"], row["reason"], row["slug"]))
            rows.append(
                row
                | {
                    "record_id": rejected_id(record, times[record.raw_json]),
                    "raw_json": record.raw_json,
                    "reason": record.reason,
                }
            )
            times[record.raw_json] += 1
        yield pa.Table.from_pylist(rows, schema=batch.schema)
