"""What a read must be to be accepted: what accepts one that is not, `drift_source` says."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from .api import DriftError
from .decode import Rejected

FEW: Final = 20
"""Meetings that may go missing at once, whatever their share: small organisations change fast."""

FEW_REJECTED: Final = 5
REJECTED_SHARE: Final = 0.05
"""Records that may be rejected: so many, or this share; and never all."""

REASONS: Final = (
    "Perhaps the token is another organisation's, Drift was switched off, or a filter is on. If"
    " they are really gone, run once with --accept-delisted."
)
UNCHANGED: Final = (
    "What could be read is loaded, the listing is not replaced, and nothing that analysts see has"
    " changed."
)


def check_organisations(versions: pa.Table, known: set[int]) -> None:
    """Raises `DriftError` where these versions are another organisation's than those known."""
    others = set(versions["org_id"].unique().drop_null().to_pylist()) - known
    if known and others:
        raise DriftError(
            f"Drift answers with meetings of the organisation {_listed(others)}, and the warehouse"
            f" holds those of {_listed(known)}: nothing was loaded. Most likely the token is"
            " another organisation's. If both belong into this warehouse, run once with"
            " --accept-organisation."
        )


def rejected_too_many(rejected: Sequence[Rejected], seen: int) -> str | None:
    """Why a read that rejected so many of its records is not accepted; nothing if it is."""
    some = len(rejected) > max(FEW_REJECTED, REJECTED_SHARE * seen)
    if not rejected or not (some or len(rejected) == seen):
        return None
    ((kind, _),) = Counter(record.reason.partition(" (")[0] for record in rejected).most_common(1)
    example = next(record for record in rejected if record.reason.startswith(kind))
    return (
        f"{len(rejected):,} of {seen:,} records that Drift sent cannot be read as meetings; most"
        f" often: {example.reason} (such as {example.slug or 'one without a slug'}). They are in"
        f" drift.rejected_meetings. {UNCHANGED}"
    )


def missing_too_many(
    listed: pa.Table, read: pa.Array, window: tuple[datetime, datetime], most_share: float
) -> str | None:
    """Why a read that lacks so many of the meetings listed is not accepted; nothing if it is.

    `listed` are the `slug` and `slot_start` of those that the last read listed, as they are known;
    those count that start in `window`. Raises `DriftError` for a read of other meetings alone.
    """
    start = listed["slot_start"]
    in_window = pc.and_(pc.greater_equal(start, window[0]), pc.less_equal(start, window[1]))
    expected = listed["slug"].filter(pc.fill_null(in_window, fill_value=True))
    returned = pc.sum(pc.is_in(expected, read)).as_py() or 0
    missing = len(expected) - returned
    if missing and not returned:
        none = (
            f"Drift returns none of the {missing:,} meetings that the last read listed and that"
            " should still be in sight"
        )
        if len(read) and not pc.any(pc.is_in(read, listed["slug"].combine_chunks())).as_py():
            raise DriftError(f"{none}, but {len(read):,} others: nothing was loaded. {REASONS}")
        return f"{none}, and that is not accepted. {REASONS} {UNCHANGED}"
    if missing <= max(FEW, most_share * len(expected)):
        return None
    return (
        f"Drift no longer returns {missing:,} of the {len(expected):,} meetings that the last"
        f" read listed and that should still be in sight, and more than {most_share:.0%} is not"
        f" accepted (bookings.max_delisted_share). {REASONS} {UNCHANGED}"
    )


def _listed(ids: set[Any]) -> str:
    first, *more = sorted(ids)
    return str(first) + (f" and {len(more):,} others" if more else "")
