"""What is stored already, written anew as `sources.drift.personal_data` now says.

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

from drift import tables
from drift.decode import Rejected
from drift.personal import Policy, policy_of
from drift.settings import OWN_COLUMNS
from drift.stored import read_stored_batches, rejected_id
from drift.tables import ARROW_TYPES, RawTable
from drift.versions import _digest

REWRITTEN: Final = (tables.VERSIONS, tables.REJECTED, tables.USER, tables.CONTACT)
"""The tables that may hold something personal."""


@dlt.source(name="drift", max_table_nesting=0)
def drift_rewritten(
    personal_data: str = "keep", personal_data_key: dlt.TSecretStrValue | None = None
) -> list[DltResource]:
    """Every row of `REWRITTEN`, as far as the policy lets it be, in place of those there are.

    Args:
        personal_data: hash or drop: see `personal`.
        personal_data_key: The key of the hash.
    """
    policy = policy_of(personal_data, personal_data_key)

    def resource(table: RawTable) -> DltResource:
        def rewritten() -> Iterator[Any]:
            anew, some = replace(table, write_disposition="replace"), False
            for rows in _rewritten(table, policy):
                if rows.num_rows:
                    some = True
                    yield anew.rows(rows)
            if not some:  # else the old rows would stay
                yield anew.rows([])

        return dlt.resource(rewritten, name=table.name)

    return [resource(table) for table in REWRITTEN]


def _rewritten(table: RawTable, policy: Policy) -> Iterator[pa.Table]:
    columns = {name: ARROW_TYPES[kind] for name, (kind, _) in table.columns.items()}
    if table is tables.VERSIONS:  # true and false are kept of what nobody documented
        known = dlt.current.source_schema().tables[table.name]["columns"]
        columns |= {
            name: pa.bool_()
            for name, column in known.items()
            if column.get("data_type") == "bool" and name not in columns
        }
    names = ", ".join(f'"{name}"' for name in columns)
    # Of meetings, the versions together; of equal rejects, each with its number of last time.
    order = "sync_id, reason, record_id" if table is tables.REJECTED else table.primary_key[0]
    query = f"select {names} from {table.name} order by {order}"
    batches = read_stored_batches(query, pa.schema(list(columns.items())))
    if table is tables.VERSIONS:
        return _versions(batches, policy)
    if table is tables.REJECTED:
        return _rejects(batches, policy)
    return (policy.rows(table, batch) for batch in batches)


def _versions(batches: Iterable[pa.Table], policy: Policy) -> Iterator[pa.Table]:
    """Versions with the digest of what is left of them, so that the next read knows them again.

    Two that differed in nothing else, and that one read saw, are one from now on.
    """
    with closing(duckdb.connect(":memory:")) as desk:
        desk.execute("set timezone = 'UTC'").fetchall()
        for batch in _by_whole_meetings(batches):
            rows = policy.rows(tables.VERSIONS, batch)
            sent = rows.drop_columns(list(OWN_COLUMNS))
            updated_at = pc.if_else(
                rows["is_updated_at_inferred"],
                pa.scalar(None, rows["updated_at"].type),
                rows["updated_at"],
            )
            sent = sent.set_column(sent.column_names.index("updated_at"), "updated_at", updated_at)
            desk.register("sent", sent)
            digests = desk.sql(f"select {_digest(sent)} as digest from sent").to_arrow_table()
            place = rows.column_names.index("content_hash")
            desk.register("versions", rows.set_column(place, "content_hash", digests["digest"]))
            key = ", ".join(tables.VERSION_KEY)
            yield desk.sql(f"select distinct on ({key}) * from versions").to_arrow_table()


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


def _rejects(batches: Iterable[pa.Table], policy: Policy) -> Iterator[pa.Table]:
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
