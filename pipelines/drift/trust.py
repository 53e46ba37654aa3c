"""What a read must be to be believed: see `drift_source` for what accepts one that is not."""

from bisect import bisect_left
from collections import Counter
from datetime import datetime
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.sources import DltSource

from . import tables
from .errors import DriftError
from .known_state import KnownState
from .privacy import PrivacyPolicy
from .sql import timestamp_literal
from .values import from_milliseconds
from .versions import VersionSet

FEW: Final = 20
"""Meetings that may go missing at once, whatever their share: small organisations change fast."""

FEW_REJECTED: Final = 5
REJECTED_SHARE: Final = 0.05
"""Records that may be rejected: so many, or this share; and never all."""

CENTURY_MS: Final = 946_684_800_000
"""2000-01-01. What is before it was no meeting of Drift's, but a time in seconds."""

UNCHANGED: Final = (
    "What could be read is loaded, the listing is not replaced, and nothing that analysts see has"
    " changed."
)


def believe(*sources: DltSource) -> None:
    """Raises `DriftError` if the read of one of these sources was not believed. Call it after
    `pipeline.run`: what such a read could tell is loaded all the same.
    """
    for source in sources:
        for resource in source.resources.selected.values():
            if doubt := resource.custom_metrics.get("doubt"):
                raise DriftError(doubt)


def doubt_read(doubt: str | None) -> None:
    """Leaves for `believe` why the read under way is not believed, if it is not."""
    dlt.current.resource_metrics()["doubt"] = doubt


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


def known_organisations(stored: KnownState) -> set[int]:
    """The `orgId`s of all meetings that the destination has."""
    query = f"select distinct org_id from {tables.VERSIONS.name} where org_id is not null"
    ids = stored.table(query, pa.schema([("org_id", pa.int64())]), tables.VERSIONS)
    return set(ids["org_id"].to_pylist())


def check_times(versions: VersionSet) -> None:
    """Raises `DriftError` where most meetings lie before this century."""
    starts = versions.slot_starts()
    if 2 * (early := bisect_left(starts, CENTURY_MS)) > len(starts):
        raise DriftError(
            f"{early:,} of {len(starts):,} meetings start before the year 2000, for example at"
            f" {from_milliseconds(starts[0]):%Y-%m-%d %H:%M}: Drift's times are not in"
            " milliseconds since 1970, as documented, but perhaps in seconds. Nothing was loaded."
        )


def rejected_too_many(versions: VersionSet, privacy: PrivacyPolicy) -> str | None:
    """Why a read that rejected so many records is not believed; nothing if it is."""
    rejected, seen = versions.rejected, versions.meetings_seen()
    some = len(rejected) > max(FEW_REJECTED, REJECTED_SHARE * seen)
    if not rejected or not (some or len(rejected) == seen):
        return None
    told = [privacy.rejected(record) for record in rejected]
    ((kind, _),) = Counter(record.reason.partition(" (")[0] for record in told).most_common(1)
    example = next(record for record in told if record.reason.startswith(kind))
    return (
        f"{len(rejected):,} of {seen:,} records that Drift sent cannot be read as meetings; most"
        f" often: {example.reason} (such as {example.slug or 'one without a slug'}). They are in"
        f" drift.rejected_meetings. {UNCHANGED}"
    )


def missing_too_many(
    stored: KnownState,
    versions: VersionSet,
    unlisted: pa.Table,
    window: tuple[datetime, datetime],
    most_share: float,
) -> str | None:
    """Why a read that lacks so many of the meetings listed is not believed; nothing if it is.

    `unlisted` are all that it lacks; those count that start in `window`, by what is known of them.
    """
    if unlisted.num_rows <= FEW:
        return None
    first, last = map(timestamp_literal, window)
    expected = stored.table(
        f"""
        select listed.slug
        from {tables.LISTED.name} as listed
        left join (
            select
                slug,
                slot_start,
                row_number() over (
                    partition by slug order by updated_at desc, sync_id desc, content_hash desc
                ) as age
            from {tables.VERSIONS.name}
        ) as states on listed.slug = states.slug and states.age = 1
        where states.slot_start is null or states.slot_start between {first} and {last}
        """,
        pa.schema([("slug", pa.string())]),
        tables.LISTED,
        tables.VERSIONS,
    )
    missing = versions.unlisted(expected).num_rows
    if missing <= max(FEW, most_share * expected.num_rows):
        return None
    return (
        f"Drift no longer returns {missing:,} of the {expected.num_rows:,} meetings that the last"
        f" read listed and that should still be in sight, and more than {most_share:.0%} is not"
        " believed (bookings.max_delisted_share). Perhaps the token is another organisation's,"
        " Drift was switched off, or a filter is on. If they are really gone, run once with"
        f" --accept-delisted. {UNCHANGED}"
    )


def _listed(ids: set[Any]) -> str:
    first, *more = sorted(ids)
    return str(first) + (f" and {len(more):,} others" if more else "")
