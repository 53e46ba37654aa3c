"""Which of the states just read are new: the set of versions, as one read adds to it.

DuckDB, in memory, does the comparing. A read of a million meetings leaves here their slugs, times
and digests, never the rest of their attributes.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from .decode import Page, Rejected
from .tables import ARROW_TYPES, MEETING_VERSIONS
from .values import UTC_TIME
from .windows import Window
from .zones import checked_zones

OWN_COLUMNS: Final = ("is_updated_at_inferred", "known_time_zone", "content_hash", "sync_id")
"""What the source adds to a version."""

SENT: Final = pa.schema(
    [
        (name, ARROW_TYPES[kind])
        for name, (kind, _) in MEETING_VERSIONS.items()
        if name not in OWN_COLUMNS
    ]
)
"""What Drift sent of a version."""

KNOWN_COLUMNS: Final = pa.schema(
    [
        ("slug", pa.string()),
        ("updated_at", UTC_TIME),
        ("content_hash", pa.int64()),
        ("is_newest", pa.bool_()),
    ]
)
"""A version that the warehouse has: `updated_at` is null where Drift sent none, `is_newest` says
whether it is the newest of those with this updatedAt."""

SAME_KEY: Final = "k.slug = s.slug and k.updated_at is not distinct from s.updated_at"
SAME: Final = f"{SAME_KEY} and k.content_hash = s.content_hash"


class VersionSet:
    """Takes the pages of one read and gives back the versions that the warehouse lacks.

    Two states of a meeting are the same version when all that Drift sent is the same. A known one
    is a new version only where Drift went back to it: where it sends neither the newest known state
    with that updatedAt any more, nor one that is not known.
    """

    def __init__(self, known: pa.Table, *, sync_id: str, started_at: datetime) -> None:
        self.sync_id = sync_id
        self.versions_added = 0
        self.newest_updated_at: datetime | None = None
        self._started_at = started_at
        self._rejected: Counter[Rejected] = Counter()
        self._strays: list[pa.Table] = []
        self._returned: list[pa.Table] = []
        self._scratch = duckdb.connect(":memory:")
        self._do("set timezone = 'UTC'")
        self._scratch.register("known_input", known)
        self._do("create table known as select * from known_input")
        self._has_older = bool(self._do("select 1 from known where not is_newest limit 1"))
        self._do(
            "create table seen (slug varchar, slot_start timestamptz, updated_at timestamptz,"
            " content_hash bigint)"
        )

    def close(self) -> None:
        self._scratch.close()

    def add(self, pages: Sequence[tuple[Window, Page]]) -> pa.Table:
        """The new versions among the records of these pages.

        Columns: those of `tables.MEETING_VERSIONS`. A record outside its page's window is kept
        back for `rest`: another page may hold it too.
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

    def add_imported(self, pages: Sequence[Page]) -> tuple[pa.Table, int]:
        """The new versions among records of any age, in any order, and of how many new meetings.

        What is new here is known from then on: files overlap, as reads do not.
        """
        for page in pages:
            for record, times in Counter(page.rejected).items():
                self._rejected[record] = max(times, self._rejected[record])
        new = self._new([page.meetings for page in pages])
        self._scratch.register("new", new)
        ((meetings,),) = self._do(
            "select count(distinct slug) from new where slug not in (select slug from known)"
        )
        self._do(
            "insert into known select slug, case when not is_updated_at_inferred then updated_at"
            " end, content_hash, true from new"
        )
        self._do("truncate seen")  # known says it
        return new, int(meetings)

    def rest(self) -> pa.Table:
        """The new versions among the records that `add` kept back."""
        new = self._new(self._strays or [SENT.empty_table()], but_not_seen=True)
        if not self._returned:
            return new
        returned = pa.concat_tables(self._returned)
        self._scratch.register(
            "returned", returned.append_column("index", pa.array(range(returned.num_rows)))
        )
        again = self._table(
            "select index from returned as s where not exists ("
            f"  from seen as k left join known as n on {SAME.replace('s.', 'n.')}"
            f"  where {SAME_KEY} and (n.slug is null or n.is_newest)"
            ") qualify 1 = row_number() over ("
            "  partition by slug, updated_at order by content_hash desc, index)"
        )
        returned = returned.take(again["index"])
        self.versions_added += returned.num_rows
        states = returned.select(SENT.names)
        return pa.concat_tables([new, self._stamped(states, returned["content_hash"])])

    @property
    def rejected(self) -> list[Rejected]:
        """Every record that cannot be a meeting, as often as one answer held it."""
        return list(self._rejected.elements())

    def slugs(self) -> pa.Table:
        """`slug` of every record read, the rejected ones' where they had one."""
        rejected = [record.slug for record in self._rejected if record.slug]
        slugs = pa.table({"slug": pa.array(rejected, pa.string())})
        self._scratch.register("rejected_slugs", slugs)
        return self._table(
            "select slug from seen union select slug from rejected_slugs order by slug"
        )

    def unlisted(self, listed_before: pa.Table) -> pa.Table:
        """Those of these `slug`s that this read did not return, with its `sync_id`."""
        self._scratch.register("listed_before", listed_before)
        slugs = self._table(
            "select slug from listed_before except select slug from seen"
            " except select slug from rejected_slugs"
        )
        return slugs.append_column("sync_id", pa.repeat(self.sync_id, slugs.num_rows))

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
        page = pa.concat_tables([table.select(SENT.names) for table in tables])
        if newest := pc.max(page["updated_at"]).as_py():
            self.newest_updated_at = max(newest, self.newest_updated_at or newest)
        # Scratch gets keys alone: what else a page holds stays where it is.
        self._scratch.register("page", page.append_column("index", pa.array(range(page.num_rows))))
        self._do(
            "create or replace temp table states as"
            " select slug, updated_at, content_hash, min(slot_start) as slot_start,"
            "   min(index) as index"
            f" from (select *, {DIGEST} as content_hash from page)"
            " group by slug, updated_at, content_hash"
        )
        seen = f"not exists (from seen as k where {SAME})"
        new = self._table(
            "select index, content_hash from states as s"
            f"  where not exists (from known as k where {SAME})"
            f"   and {seen if but_not_seen else 'true'}"
            "  order by index"
        )
        if self._has_older:
            older = self._table(
                f"select index, content_hash from states as s where {seen}"
                f"  and exists (from known as k where {SAME})"
                f"  and not exists (from known as k where {SAME} and k.is_newest)"
            )
            if older.num_rows:
                kept = page.take(older["index"])
                self._returned.append(kept.append_column("content_hash", older["content_hash"]))
        self._do(
            "insert into seen select slug, slot_start, updated_at, content_hash from states as s"
            + f" where {seen}" * but_not_seen
        )
        self._do("drop table states")
        self.versions_added += new.num_rows
        # Taking rows copies them: not where it would take every one.
        states = page if new.num_rows == page.num_rows else page.take(new["index"])
        return self._stamped(states, new["content_hash"])

    def _stamped(self, states: pa.Table, content_hash: pa.ChunkedArray) -> pa.Table:
        """These states with what the pipeline knows of them."""
        updated_at, scheduled_at = states["updated_at"], states["scheduled_at"]
        started_at = pa.scalar(self._started_at, UTC_TIME)
        states = states.set_column(
            states.column_names.index("updated_at"),
            "updated_at",
            pc.coalesce(updated_at, scheduled_at, started_at),
        )
        for name, column in {
            "content_hash": content_hash,
            "is_updated_at_inferred": updated_at.is_null(),
            "sync_id": pa.repeat(self.sync_id, states.num_rows),
            "known_time_zone": checked_zones(states["end_user_time_zone"]),
        }.items():
            states = states.append_column(name, column)
        return states

    def _do(self, statement: str) -> list[tuple[Any, ...]]:
        return self._scratch.execute(statement).fetchall()

    def _table(self, query: str) -> pa.Table:
        return self._scratch.sql(query).to_arrow_table()


def _inside(window: Window, meetings: pa.Table) -> pa.ChunkedArray:
    start = meetings["slot_start"].cast(pa.int64())
    inside = pc.and_(
        pc.greater_equal(start, window.first * 1000), pc.less(start, (window.last + 1) * 1000)
    )
    return pc.fill_null(inside, fill_value=False)


def _digest() -> str:
    parts = []
    for name in sorted(SENT.names):
        value = f"epoch_us({name})" if SENT.field(name).type == UTC_TIME else name
        parts.append(f"case when {name} is not null then concat('{name}=', {value}) end")
    return f"(md5_number_lower(concat_ws(chr(31), {', '.join(parts)})) >> 1)::bigint"


DIGEST: Final = _digest()
"""SQL for a digest of everything that Drift sent, in 63 bits. What is absent adds nothing."""
