"""Which of the states just read are new: the set of versions, as one read adds to it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from .decode import Page, Rejected
from .tables import UTC_TIME, VERSION_OWN_COLUMNS, VERSIONS
from .values import checked_zones

KNOWN_COLUMNS: Final = pa.schema([("content_hash", pa.int64()), ("details_hash", pa.int64())])
"""A version that the warehouse has."""

_READ: Final = pa.schema(
    [
        field
        for field in VERSIONS.schema
        if field.name not in VERSION_OWN_COLUMNS or field.name in KNOWN_COLUMNS.names
    ]
)


class VersionSet:
    """Takes the pages of one read and gives back the versions that the warehouse lacks.

    Two states are the same version when all that Drift sent is the same: both digests, of which
    the one of details may be null. A read of a million meetings leaves here their slugs and
    digests, never the rest.
    """

    def __init__(self, known: pa.Table, *, sync_id: str, started_at: datetime) -> None:
        self.versions_added = 0
        self.newest_updated_at: datetime | None = None
        self.undocumented = set[str]()
        """The names of the attributes that nobody documented."""
        self._started_at = started_at
        self._rejected: Counter[Rejected] = Counter()
        self._known = [_states(known)]
        self._slugs: list[pa.ChunkedArray] = []
        self.begin(sync_id)

    def begin(self, sync_id: str) -> None:
        """What comes from here on has this `sync_id`."""
        self.sync_id = sync_id
        self._own: list[pa.Array] = []

    def add(self, pages: Sequence[Page]) -> pa.Table:
        """The new versions among the records of these pages.

        Columns: those of `tables.VERSIONS`. Of states that differ in details alone, one sync has
        the last.
        """
        for page in pages:
            self.undocumented |= page.undocumented
            for record, times in Counter(page.rejected).items():
                self._rejected[record] = max(times, self._rejected[record])
        read = pa.concat_tables(
            [_READ.empty_table(), *(p.meetings.select(_READ.names) for p in pages)]
        )
        if newest := pc.max(read["updated_at"]).as_py():
            self.newest_updated_at = max(newest, self.newest_updated_at or newest)
        self._slugs.append(pc.unique(read["slug"]))
        if read.num_rows > len(pc.unique(read["content_hash"])):
            index = pa.array(range(read.num_rows))
            last = read.append_column("index", index).group_by("content_hash", use_threads=False)
            read = read.take(last.aggregate([("index", "max")])["index_max"])
        new = read.filter(pc.invert(_is_in(_states(read), self._known)))
        if self._own and new.num_rows:
            new = new.filter(pc.invert(_is_in(new["content_hash"], self._own)))
        if new.num_rows:
            self._known.append(_states(new))
            self._own.append(new["content_hash"].combine_chunks())
        self.versions_added += new.num_rows
        return self._stamped(new)

    @property
    def rejected(self) -> list[Rejected]:
        """Every record that cannot be a meeting, as often as one answer held it."""
        return list(self._rejected.elements())

    def slugs(self) -> pa.Array:
        """The slug of every record read, once: the rejected ones' too, where they had one."""
        rejected = [record.slug for record in self._rejected if record.slug]
        return pa.chunked_array([*self._slugs, pa.array(rejected, pa.string())]).unique()

    def meetings_seen(self) -> int:
        """Records read: meetings, each once, and rejected ones."""
        slugs = pa.chunked_array([pa.array([], pa.string()), *self._slugs])
        return len(slugs.unique()) + self._rejected.total()

    def _stamped(self, states: pa.Table) -> pa.Table:
        """These states with what the pipeline knows of them."""
        updated_at, scheduled_at = states["updated_at"], states["scheduled_at"]
        filled = pc.coalesce(updated_at, scheduled_at, pa.scalar(self._started_at, UTC_TIME))
        states = states.set_column(states.column_names.index("updated_at"), "updated_at", filled)
        for name, column in {
            "is_updated_at_inferred": updated_at.is_null(),
            "known_time_zone": checked_zones(states["end_user_time_zone"]),
            "sync_id": pa.repeat(self.sync_id, states.num_rows),
        }.items():
            states = states.append_column(name, column)
        return states.select(VERSIONS.schema.names)


def _states(versions: pa.Table) -> pa.Array:
    """One number for both digests of each version."""
    details = pc.fill_null(versions["details_hash"], 0)
    states = pc.bit_wise_xor(versions["content_hash"], details)
    return states.combine_chunks() if isinstance(states, pa.ChunkedArray) else states


def _is_in(values: pa.Array, known: Sequence[pa.Array]) -> pa.Array:
    return pc.is_in(values, pa.chunked_array(known, pa.int64()))
