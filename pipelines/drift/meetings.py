"""One complete read of the meetings in sight: bytes → Arrow → new versions → raw tables."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from time import monotonic
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from . import api, tables
from .api import (
    FAR_MS,
    LIKELY_AHEAD_DAYS,
    LIMIT,
    VISIBLE_DAYS,
    DriftError,
    ForbiddenError,
    GoneError,
)
from .decode import Page, decode_answer, decode_page, is_nothing
from .reading import Reading
from .trust import check_organisations, missing_too_many, rejected_too_many
from .values import from_milliseconds, to_milliseconds
from .versions import VersionSet
from .windows import FULL, CompleteRead, Window, quantile_cuts, windows_between

log = logging.getLogger(__name__)

ROWS_PER_BATCH: Final = 20_000
"""Meetings that are compared and handed to dlt together: some 20 MB of Arrow."""

SYNC_ID: Final = "%Y%m%dT%H%M%S.%fZ"

VISIBLE: Final = timedelta(days=VISIBLE_DAYS)
DAY: Final = timedelta(days=1)
"""How far inside the window a meeting starts that a read can miss: at its edge, nobody knows."""

DAY_MS: Final = 86_400_000
CENTURY_MS: Final = 946_684_800_000
"""2000-01-01. What is before it was no meeting of Drift's, but a time in seconds."""

SOME: Final = 5
"""Meetings at the wrong time that are no coincidence."""

NOTHING: Final = decode_page(b'{"data":[]}')


class AddressError(DriftError):
    """Nothing of Drift's API is where it is looked for."""

    exit_code = 2


@dataclass(frozen=True)
class Acceptance:
    """What a read must be to be accepted, and what is accepted all the same."""

    max_delisted_share: float
    accept_delisted: bool
    accept_organisation: bool


# Without `section`, dlt would look for a resource's settings under the name of its module.
@dlt.resource(name="meetings", section="drift")
def read_meetings(  # noqa: PLR0915 - in the order in which it happens
    reading: Reading,
    acceptance: Acceptance,
    updated: dlt.sources.incremental[datetime] = dlt.sources.incremental("updated_at"),  # noqa: B008
) -> Iterator[Any]:
    """Every state of each meeting in sight, from 30 days ago to the end of time.

    New versions in batches, then what the read rejected, listed and was, all in one load package.
    A read is complete, or it raises `DriftError` and nothing of it is loaded; of one that is not
    accepted (see `check_read`), versions and rejected records are.
    """
    found = reading.found
    client, now, began = reading.client, reading.now or datetime.now(UTC), monotonic()
    client.begin(now)
    answers_before = client.answers
    found.versions.clear()
    # Every state in sight is compared with those known, whatever its updatedAt: Drift has not said
    # that each change raises it. So dlt's own filter is off; the cursor says what to compare with.
    start_value, lag = updated.start_value, timedelta(seconds=updated.lag or 0)
    updated.advance(None)  # type: ignore[arg-type]
    with reading.destination.open() as stored:
        stored.remove_leftovers()
        privacy = reading.policy.forgetting(stored)
        last = stored.newest_sync()
        since = last["newest_updated_at"] - lag if last.get("newest_updated_at") else start_value
        # What was in sight in the last read may be again: the times of both are known from clocks.
        oldest = min(now - VISIBLE, last.get("window_from", now)) - DAY
        before = stored.before(oldest, None if reading.full_refresh else since)
    left = {} if reading.full_refresh else last
    read = CompleteRead(
        fetch_meetings(reading, is_empty=not before.most_seen),
        Window(
            to_milliseconds(now - VISIBLE),
            to_milliseconds(now + timedelta(days=LIKELY_AHEAD_DAYS)),
        ),
        cap=left.get("answer_cap") or LIMIT,
        proven=before.most_seen if left else 0,
        in_flight=client.in_flight,
    )
    cuts = quantile_cuts(_starts(before.listed) if left else [], int(FULL * read.cap))
    pages = read.pages(windows_between(cuts))
    pages = chain([next(pages)], pages)  # an answer brings the server's time
    found.read_at = started_at = client.started_at()
    sync_id = _next_sync_id(before.last_id, started_at)
    known = privacy.comparable(before.states)
    versions = VersionSet(known, sync_id=sync_id, started_at=started_at)
    organisations = set() if acceptance.accept_organisation else before.organisations
    for batch in _batches(pages, reading):
        new = versions.add([privacy.page(page) for page in batch])
        check_organisations(new, organisations)
        if new.num_rows:
            found.keep(new)
            yield tables.VERSIONS.rows(new)
    finished_at = started_at + timedelta(seconds=monotonic() - began)
    window_from, window_to = finished_at - VISIBLE, from_milliseconds(FAR_MS)
    slugs, seen = versions.slugs(), versions.meetings_seen()
    objection = rejected_too_many([*map(privacy.rejected, versions.rejected)], seen)
    if not (objection or acceptance.accept_delisted):
        window = window_from + DAY, window_to
        objection = missing_too_many(before.listed, slugs, window, acceptance.max_delisted_share)
    with reading.destination.open() as stored:
        rejects = privacy.new_rejects(stored, versions.rejected, sync_id)
    if rejects:
        yield tables.REJECTED.rows(rejects)
    # Undocumented attributes go where not everything may be kept, and their names with them.
    names = sorted(versions.undocumented - before.attributes) if privacy.keeps else []
    if names:
        yield tables.ATTRIBUTE.rows([{"name": name, "sync_id": sync_id} for name in names])
    dlt.current.resource_metrics().update(objection=objection, new_attributes=names)
    row = {
        "sync_id": sync_id,
        "versions_added": versions.versions_added,
        "rejected": len(versions.rejected),
    }
    if objection:
        yield tables.IMPORT.rows([{**row, "imported_at": started_at, "records": seen}])
    else:
        listings = _listings(before.listed_slugs, slugs, sync_id)
        if listings.num_rows:
            yield tables.LISTING.rows(listings)
        # Neither a meeting dated ahead nor a wrong clock carries the cursor past this read.
        newest = [versions.newest_updated_at, last.get("newest_updated_at")]
        newest_updated_at = min([started_at, max(filter(None, newest), default=started_at)])
        updated.advance(newest_updated_at)
        sync = {
            "started_at": started_at,
            "finished_at": finished_at,
            "window_from": window_from,
            "window_to": window_to,
            "requests": client.answers - answers_before,
            "meetings_seen": seen,
            "newest_updated_at": newest_updated_at,
            "answer_cap": read.cap if read.cap < LIMIT else None,
        }
        yield tables.SYNC.rows([row | sync | _gap(last, window_from)])
    # Every table exists from the first run on, however little it finds: models read them.
    for table in tables.ALL:
        if table.name not in dlt.current.source_schema().tables:
            yield table.rows([])
    pa.default_memory_pool().release_unused()  # some 100 MB that the load can have


def _starts(listed: pa.Table) -> list[int]:
    """Slot starts in epoch milliseconds, ascending."""
    starts = listed["slot_start"].drop_null().cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    return list(starts.take(pc.sort_indices(starts)).to_pylist())


def _listings(before: pa.Array, slugs: pa.Array, sync_id: str) -> pa.Table:
    """What is listed now and was not before, and the other way round."""
    new = slugs.filter(pc.invert(pc.is_in(slugs, before)))
    gone = before.filter(pc.invert(pc.is_in(before, slugs)))
    is_listed = [*([True] * len(new)), *([False] * len(gone))]
    columns = [pa.concat_arrays([new, gone]), pa.repeat(sync_id, len(is_listed)), is_listed]
    return pa.table(columns, schema=tables.LISTING.schema)


def _next_sync_id(last: str | None, started_at: datetime) -> str:
    """A `sync_id` that is greater than the last one, whatever happened to any clock."""
    sync_id = started_at.astimezone(UTC).strftime(SYNC_ID)
    if last and last >= sync_id:
        sync_id = (datetime.strptime(last, SYNC_ID) + timedelta(milliseconds=1)).strftime(SYNC_ID)
    return sync_id


def _gap(last: tables.Row, window_from: datetime) -> tables.Row:
    """The span of meeting times that no run saw whole, where over 30 days lie between two."""
    before = last.get("started_at")
    if before is None or before >= window_from:
        return {"gap_from": None, "gap_to": None}
    return {"gap_from": before, "gap_to": window_from}


def fetch_meetings(reading: Reading, *, is_empty: bool = False) -> Callable[[int, int], Page]:
    """Fetches the meetings whose slots start between two times, in epoch milliseconds.

    Where nothing was ever listed (`is_empty`), Drift may say so without a list, or with 404 if
    another endpoint answers: else `AddressError` is raised.
    """

    def decode(body: bytes) -> Page:
        return NOTHING if is_empty and is_nothing(body) else decode_answer(body)

    def fetch(min_start_time: int, max_start_time: int) -> Page:
        bounds = {"min_start_time": min_start_time, "max_start_time": max_start_time}
        try:
            page = reading.client.get(api.MEETINGS, decode, {**bounds, "limit": LIMIT})
        except GoneError as gone:
            if not is_empty:
                raise
            _check_address(reading, gone)
            return NOTHING
        _check_times(page, min_start_time, max_start_time)
        return page

    return fetch


def _check_address(reading: Reading, gone: GoneError) -> None:
    try:
        reading.client.get(api.USERS, bytes)
    except ForbiddenError:
        pass
    except GoneError:
        raise AddressError(
            f"{reading.client.base_url} knows neither meetings nor users, so it is no address of"
            f" Drift's API: set sources.drift.base_url. {gone}"
        ) from gone


def _check_times(page: Page, first: int, last: int) -> None:
    """Raises `DriftError` where the bounds do not filter on slotStart, in milliseconds."""
    starts, least, most = page.slot_starts, max(first - DAY_MS, CENTURY_MS), last + DAY_MS
    if not starts or (least <= min(starts) and max(starts) <= most):
        return
    outside = [at for at in starts if not least <= at <= most]
    if len(outside) >= SOME and 4 * len(outside) > page.rows:
        asked = f"{from_milliseconds(first):%Y-%m-%d} to {from_milliseconds(last):%Y-%m-%d}"
        raise DriftError(
            f"Asked for meetings from {asked}, Drift answers with {len(outside):,} that start at"
            f" other times, such as {from_milliseconds(outside[0]):%Y-%m-%d}: its bounds do not"
            " filter on slotStart in milliseconds, so a read cannot be complete. Nothing was"
            " loaded."
        )


def _batches(pages: Iterable[tuple[Window, Page]], reading: Reading) -> Iterator[list[Page]]:
    """The pages, many at once; whoever watches is told of each."""
    batch, held, read = list[Page](), 0, 0
    for _, page in pages:
        batch.append(page)
        held += page.rows
        read += page.rows
        asked = f"{reading.client.answers:,} requests"
        log.info(f"{read:,} meetings read in {asked}", extra={"passing": True})
        if held >= ROWS_PER_BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
