"""Which of the states just read are new: the set of versions, as one read adds to it.

DuckDB, in memory, does the comparing. A read of a million meetings leaves here their slugs, times
and digests, never the rest of their attributes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from drift.decode import EXACT, Page, Rejected, records_table, variant_of
from drift.settings import UTC_TIME
from drift.tables import MEETING_VERSIONS
from drift.windows import Window
from drift.zones import checked_zones

KNOWN_COLUMNS: Final = pa.schema(
    [("slug", pa.string()), ("updated_at", UTC_TIME), ("content_hash", pa.int64())]
)
"""A version that the warehouse has: `updated_at` is null where Drift sent none."""


class VersionSet:
    """Takes the pages of one read and gives back the versions that the warehouse lacks.

    Two states of a meeting are the same version when all that Drift sent is the same. `types` are
    those of the warehouse's columns for attributes that nobody documented.
    """

    def __init__(
        self,
        known: pa.Table,
        *,
        sync_id: str,
        started_at: datetime,
        types: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        self.sync_id = sync_id
        self.versions_added = 0
        self.newest_updated_at: datetime | None = None
        self._started_at = started_at
        self._rejected: Counter[Rejected] = Counter()
        self._strays: list[pa.Table] = []
        self._types = dict(types or {})
        self._desk = duckdb.connect(":memory:")
        self._do("set timezone = 'UTC'")
        self._desk.register("known_input", known)
        self._do("create table known as select * from known_input")
        self._do(
            "create table seen (slug varchar, slot_start timestamptz, updated_at timestamptz,"
            " content_hash bigint)"
        )

    def close(self) -> None:
        self._desk.close()

    def add(self, pages: Sequence[tuple[Window, Page]]) -> pa.Table:
        """The new versions among the records of these pages.

        Columns: those of `tables.MEETING_VERSIONS`, and one for each undocumented attribute. A
        record outside its page's window is kept back for `rest`: another page may hold it too.
        """
        own = []
        for window, page in pages:
            for record, times in Counter(page.rejected).items():
                self._rejected[record] = max(times, self._rejected[record])
            inside = _inside(window, page.meetings)
            own.append(page.meetings.filter(inside))
            strays = page.meetings.filter(pc.invert(inside))
            if strays.num_rows:
                self._strays.append(strays)
        return self._new(own)

    def add_saved(self, pages: Sequence[Page]) -> tuple[pa.Table, int]:
        """The new versions among records of any age, in any order, and of how many new meetings.

        What is new here is known from then on: files overlap, as reads do not.
        """
        for page in pages:
            for record, times in Counter(page.rejected).items():
                self._rejected[record] = max(times, self._rejected[record])
        new = self._new([page.meetings for page in pages])
        self._desk.register("new", new)
        ((meetings,),) = self._do(
            "select count(distinct slug) from new where slug not in (select slug from known)"
        )
        self._do(
            "insert into known select slug, case when not is_updated_at_inferred then updated_at"
            " end, content_hash from new"
        )
        self._do("truncate seen")  # known says it
        return new, int(meetings)

    def rest(self) -> pa.Table:
        """The new versions among the records that `add` kept back."""
        return self._new(self._strays or [records_table([])], but_not_seen=True)

    @property
    def rejected(self) -> list[Rejected]:
        """Every record that cannot be a meeting, as often as one answer held it."""
        return list(self._rejected.elements())

    def slugs(self) -> pa.Table:
        """`slug` of every record read, the rejected ones' where they had one."""
        rejected = [record.slug for record in self._rejected if record.slug]
        slugs = pa.table({"slug": pa.array(rejected, pa.string())})
        self._desk.register("rejected_slugs", slugs)
        return self._table(
            "select slug from seen union select slug from rejected_slugs order by slug"
        )

    def unlisted(self, listed_before: pa.Table) -> pa.Table:
        """Those of these `slug`s that this read did not return, with its `sync_id`."""
        self._desk.register("listed_before", listed_before)
        return self._table(
            "select slug, $sync_id as sync_id from listed_before"
            " except select slug, $sync_id from seen"
            " except select slug, $sync_id from rejected_slugs",
            sync_id=self.sync_id,
        )

    def meetings_seen(self) -> int:
        """Records read: meetings, each once, and rejected ones."""
        ((meetings,),) = self._do("select count(distinct slug) from seen")
        return int(meetings) + self._rejected.total()

    def slot_starts(self) -> memoryview:
        """Slot starts of all meetings in epoch milliseconds, ascending."""
        table = self._table(
            "select epoch_ms(slot_start) as moment from seen"
            " where slot_start is not null order by 1"
        )
        buffer = table["moment"].combine_chunks().buffers()[1]
        return memoryview(buffer or b"").cast("B").cast("q")[: table.num_rows]

    def _new(self, tables: Sequence[pa.Table], *, but_not_seen: bool = False) -> pa.Table:
        page = pa.concat_tables(
            [self._settled(table) for table in tables], promote_options="default"
        )
        if newest := pc.max(page["updated_at"]).as_py():
            self.newest_updated_at = max(newest, self.newest_updated_at or newest)
        # The desk gets keys alone: what else a page holds stays where it is.
        # No attribute's column has a name like "#".
        self._desk.register("page", page.append_column("#", pa.array(range(page.num_rows))))
        self._do(
            "create or replace temp table states as"
            " select slug, updated_at, content_hash, min(slot_start) as slot_start,"
            '   min("#") as place'
            f" from (select *, {_digest(page)} as content_hash from page)"
            " group by slug, updated_at, content_hash"
        )
        same = "k.slug = s.slug and k.updated_at is not distinct from s.updated_at and"
        seen = f"not exists (from seen as k where {same} k.content_hash = s.content_hash)"
        new = self._table(
            "select place, content_hash from states as s"
            f"  where not exists (from known as k where {same} k.content_hash = s.content_hash)"
            f"   and {seen if but_not_seen else 'true'}"
            "  order by place"
        )
        self._do("insert into seen select slug, slot_start, updated_at, content_hash from states")
        self._do("drop table states")
        self.versions_added += new.num_rows
        # Taking rows copies them: not where it would take each in its place.
        states = page if new.num_rows == page.num_rows else page.take(new["place"])
        return self._stamped(states, new["content_hash"])

    def _stamped(self, states: pa.Table, content_hash: pa.ChunkedArray) -> pa.Table:
        """These states with what the pipeline knows of them."""
        updated_at, scheduled_at = states["updated_at"], states["scheduled_at"]
        started_at = pa.scalar(self._started_at, UTC_TIME)
        place = states.column_names.index("updated_at")
        states = states.set_column(
            place, "updated_at", pc.coalesce(updated_at, scheduled_at, started_at)
        )
        for name, column in {
            "content_hash": content_hash,
            "is_updated_at_inferred": updated_at.is_null(),
            "sync_id": pa.repeat(self.sync_id, states.num_rows),
            "known_time_zone": checked_zones(states["end_user_time_zone"]),
        }.items():
            states = states.append_column(name, column)
        return states

    def _settled(self, table: pa.Table) -> pa.Table:
        """With one type for each undocumented attribute: the first one met, here or before.

        Values that do not fit go to a column of text beside it.
        """
        for name in table.column_names:
            if name in MEETING_VERSIONS:
                continue
            column, kind = table[name], self._types.setdefault(name, table[name].type)
            if column.type == kind:
                continue
            own, rest = _fitted(column, kind)
            table = table.drop_columns(name)
            if own.null_count < len(own):
                table = table.append_column(name, own)
            variant = variant_of(name)
            if variant in table.column_names:
                rest = pc.coalesce(table[variant], rest)
                table = table.drop_columns(variant)
            if rest.null_count < len(rest):
                table = table.append_column(variant, rest)
        return table

    def _do(self, statement: str) -> list[tuple[Any, ...]]:
        return self._desk.execute(statement).fetchall()

    def _table(self, query: str, **parameters: Any) -> pa.Table:
        return self._desk.sql(query, params=parameters).to_arrow_table()


def _inside(window: Window, meetings: pa.Table) -> pa.ChunkedArray:
    start = meetings["slot_start"].cast(pa.int64())
    inside = pc.and_(
        pc.greater_equal(start, window.first * 1000), pc.less(start, (window.last + 1) * 1000)
    )
    return pc.fill_null(inside, fill_value=False)


def _fitted(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """The values that the type holds without loss, and the others as text."""
    fits = pa.chunked_array([pa.repeat(False, len(column))])
    if {column.type, kind} == {pa.int64(), pa.float64()}:
        whole = column if column.type == pa.int64() else pc.equal(column, pc.trunc(column))
        whole = pc.fill_null(whole, False) if column.type == pa.float64() else column.is_valid()
        fits = pc.and_(whole, pc.fill_null(pc.less(pc.abs(column), EXACT), False))
    own = pc.if_else(fits, column, pa.scalar(None, column.type))
    rest = pc.if_else(fits, pa.scalar(None, column.type), column)
    if not pc.any(fits).as_py():
        return pa.chunked_array([pa.nulls(len(column), kind)]), rest.cast(pa.string())
    return own.cast(kind), rest.cast(pa.string())


def _digest(page: pa.Table) -> str:
    """SQL for a digest of everything that Drift sent, in 63 bits.

    An attribute that is absent adds nothing, so one that Drift starts to send changes the digest
    of those meetings alone that have it. A value counts the same in whichever column it landed.
    """
    parts = []
    for name in sorted(page.column_names):
        column = '"' + name.replace('"', '""') + '"'
        value = column
        if page[name].type == UTC_TIME:
            value = f"epoch_us({column})"
        elif page[name].type == pa.float64():
            whole = f"{column} = trunc({column}) and abs({column}) < {EXACT}"
            value = f"case when {whole} then {column}::bigint::varchar else {column}::varchar end"
        label = name.removesuffix(variant_of("")).replace("'", "''")
        parts.append(f"case when {column} is not null then concat('{label}=', {value}) end")
    return f"(md5_number_lower(concat_ws(chr(31), {', '.join(parts)})) >> 1)::bigint"
