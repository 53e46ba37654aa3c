"""A dlt source that writes what is stored anew: as `sources.drift.personal_data` now says, and
without the visitors who are to be forgotten.

Each table that may hold something personal is read from the destination in batches, passed through
the policy, and replaced as a whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
from .forgotten import Visitors, forgetting
from .known_state import Destination
from .privacy import PrivacyPolicy, policy_of
from .records import Row
from .rejects import rejected_id
from .tables import RawTable
from .versions import DIGEST, SENT

REDACTED: Final = (tables.VERSIONS, tables.REJECTED, tables.USER, tables.CONTACT)
"""The tables that may hold something personal."""


@dlt.source(name="drift", max_table_nesting=0)
def drift_redacted(
    forgotten: Sequence[Row],
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> list[DltResource]:
    """Every row of `REDACTED`, as far as the policy lets it be, in place of those there are.

    Args:
        forgotten: New rows for `forgotten_visitors`.
        personal_data: keep, hash or drop: see `privacy`.
        personal_data_key: The key of the hash.
    """
    configured = policy_of(personal_data, personal_data_key)
    visitors = {row["visitor"]: row["hash_key"] for row in forgotten}

    def resource(table: RawTable) -> DltResource:
        def rewritten() -> Iterator[Any]:
            stored = _contacts_as_stored() if table is tables.CONTACT else table
            anew, some = replace(stored, write_disposition="replace"), False
            for rows in _redacted(stored, configured, visitors):
                if rows.num_rows:
                    some = True
                    yield anew.rows(rows)
            if not some:  # else the old rows would stay
                yield anew.rows([])

        return dlt.resource(rewritten, name=table.name)

    new = [tables.FORGOTTEN.rows(forgotten)] if forgotten else []
    remembered = dlt.resource(new, name=tables.FORGOTTEN.name)
    return [remembered, *(resource(table) for table in REDACTED)]


def _contacts_as_stored() -> RawTable:
    """The table with the columns that `contact_attributes` has ever given it."""
    stored = dlt.current.source_schema().tables.get(tables.CONTACT.name, {"columns": {}})
    extra: tables.Columns = {
        name: ("text", hints.get("description") or "")
        for name, hints in stored["columns"].items()
        if name not in tables.CONTACTS and not name.startswith("_dlt")
    }
    return replace(tables.CONTACT, columns={**tables.CONTACTS, **extra})


def _redacted(table: RawTable, configured: PrivacyPolicy, visitors: Visitors) -> Iterator[pa.Table]:
    # Of meetings, the versions together; of equal rejects, each with its number of last time.
    order = "sync_id, reason, record_id" if table is tables.REJECTED else table.primary_key[0]
    known = {name for each in REDACTED for name in each.columns}
    names = ", ".join(c if c in known else f'"{c}"' for c in table.columns)  # "order", say
    # A load that was killed and resumed may have left each row twice.
    query = f"select distinct {names} from {table.name} order by {order}"
    with Destination().open() as stored:
        policy = forgetting(configured, stored, visitors)
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

    Two that differed in nothing else, and that one read saw, are one from now on. But of a
    forgotten visitor's, whom no count shall miss, the older ones have smaller digests.
    """
    key = ", ".join(tables.VERSION_KEY)
    same = "partition by slug, updated_at, sync_id, digest order by content_hash desc"
    is_theirs = "slug in (select slug from theirs)"
    older = f"case when {is_theirs} then row_number() over ({same}) - 1 else 0 end"
    theirs = pa.array(sorted(policy.forgotten_slugs), pa.string())
    with closing(duckdb.connect(":memory:")) as scratch:
        scratch.execute("set timezone = 'UTC'").fetchall()
        scratch.register("theirs", pa.table({"slug": theirs}))
        for batch in _by_whole_meetings(batches):
            rows = policy.rows(tables.VERSIONS, batch)
            nothing = pa.scalar(None, rows["updated_at"].type)
            updated_at = pc.if_else(rows["is_updated_at_inferred"], nothing, rows["updated_at"])
            sent = rows.select(SENT.names)
            index = sent.column_names.index("updated_at")
            scratch.register("sent", sent.set_column(index, "updated_at", updated_at))
            digests = scratch.sql(f"select {DIGEST} as digest from sent").to_arrow_table()
            scratch.register("versions", rows.append_column("digest", digests["digest"]))
            yield scratch.sql(
                f"select distinct on ({key}) * from ("
                f" select * exclude (digest) replace (digest - {older} as content_hash)"
                " from versions)"
            ).to_arrow_table()


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
