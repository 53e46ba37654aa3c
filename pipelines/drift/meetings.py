"""One complete read of the meetings in sight: bytes → Arrow → new versions → raw tables."""

import hashlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from time import monotonic
from typing import Any, Final

import dlt
import pyarrow as pa

from . import endpoints, tables
from .api import LIKELY_AHEAD_DAYS, LIMIT
from .bounds import Asking
from .client import DriftClient
from .decode import NOTHING, Page, decode_answer, is_nothing
from .errors import GoneError
from .known_state import KnownState
from .privacy import PrivacyPolicy
from .rejects import new_rejects
from .run import Run
from .sql import timestamp_literal
from .syncs import VISIBLE, begin_sync, sync_row
from .trust import (
    check_organisations,
    check_times,
    doubt_read,
    known_organisations,
    missing_too_many,
    rejected_too_many,
)
from .values import from_milliseconds, to_milliseconds
from .versions import KNOWN_COLUMNS, VersionSet
from .windows import FULL, Window, quantile_cuts

log = logging.getLogger(__name__)

ROWS_PER_WINDOW: Final = 930
"""Meetings that a window is cut for: short of the limit, with room for those booked since."""

ROWS_PER_BATCH: Final = 50_000
"""Meetings that are compared and handed to dlt together: some 20 MB of Arrow."""

EXPECTED: Final = 0.9
"""The share of the meetings that a window is cut for, or of all, below which an answer is short."""


def read_meetings(run: Run, updated: dlt.sources.incremental[datetime]) -> Iterator[Any]:
    """The new versions in batches, then what the read rejected, listed and was.

    All of it is one load package. A read that fails raises, and nothing of it is loaded; of one
    that is not believed (see `trust`), versions and rejected records are.
    """
    began, answers_before = monotonic(), run.client.answers
    run.begin()
    state = dlt.current.resource_state()
    last: dict[str, Any] = state.get("last_read", {})
    since = None if run.full_refresh else updated.start_value
    # Every state in sight is compared with those known, whatever its updatedAt: Drift has not said
    # that each change raises it. So dlt's own filter is off; the cursor says what to compare with.
    updated.advance(None)  # type: ignore[arg-type]
    left = {} if run.full_refresh else last
    ask, pages = _ask(run, left, is_empty=not last.get("has_listed"))
    pages = chain([next(pages)], pages)  # an answer brings the server's time
    with run.destination.open() as stored:
        known = _known_versions(stored, since, run.now() - VISIBLE)
        organisations = set() if run.accept_organisation else known_organisations(stored)
        begun, righted = begin_sync(stored, last, state.get("last_id"), run.now())
    state["last_id"] = sync_id = begun["sync_id"]
    started_at = begun["started_at"]
    with closing(VersionSet(known, sync_id=sync_id, started_at=started_at)) as versions:
        for table in tables.RELATED:  # models read them, whether or not they are loaded
            if table.name not in dlt.current.source_schema().tables:
                yield table.rows([])
        for batch in chain(_batches(_reported(pages, run.client)), [None]):
            new = versions.add(batch) if batch else versions.rest()
            check_organisations(new, organisations)
            # Every table exists from the first run on, however little it finds.
            if new.num_rows or not (batch or last or versions.versions_added):
                run.keep_ids(new)
                yield tables.VERSIONS.rows(new)
        check_times(versions)
        finished_at = started_at + timedelta(seconds=monotonic() - began)
        window_to = from_milliseconds(ask.reach(run.now()).last)
        sync = sync_row(begun, versions, run.client, finished_at, window_to)
        listing = yield from _rejected_and_listed(run, versions, sync, left, is_first=not last)
        if listing:
            requests = run.client.answers - answers_before
            yield tables.SYNC.rows([*righted, sync | {"requests": requests}])
            # Neither a meeting dated ahead nor a wrong clock may carry the cursor past this read.
            if newest := versions.newest_updated_at:
                updated.advance(min(newest, started_at, run.client.clock.first or started_at))
            state["last_read"] = {
                "sync_id": sync_id,
                "started_at": started_at,
                "listing": listing,
                "has_listed": sync["meetings_seen"] > 0 or last.get("has_listed", False),
                "bounds": ask.number,
                **_lengths(
                    versions.slot_starts(),
                    ask.longest if ask.is_capped else max(ask.longest, *left.get("whole", [0])),
                ),
            }
    run.has_read_meetings = True


def _ask(
    run: Run, left: dict[str, Any], *, is_empty: bool
) -> tuple[Asking[Page], Iterator[tuple[Window, Page]]]:
    """The pages of a read that goes on from what the last one left, and what asks for them."""
    likely = Window(
        to_milliseconds(run.started_at - VISIBLE),
        to_milliseconds(run.started_at + timedelta(days=LIKELY_AHEAD_DAYS)),
    )
    fetch = fetch_meetings(run.client, run.privacy, is_empty=is_empty)
    ask = Asking(fetch, number=left.get("bounds", 0), checks=not left)
    whole = range(*left.get("whole", [0]))
    cuts = left.get("cuts", [])
    rows = left.get("rows", ROWS_PER_WINDOW)
    return ask, ask.read(run.now, cuts, likely, rows=rows, whole=whole, in_flight=run.in_flight)


def _lengths(slot_starts: Sequence[int], longest: int) -> dict[str, Any]:
    """Where the next read cuts, and which lengths of its answers will be no surprise."""
    capped = longest < len(slot_starts)
    rows = min(ROWS_PER_WINDOW, int(FULL * longest)) if capped else ROWS_PER_WINDOW
    least = int(EXPECTED * min(rows, len(slot_starts)))
    cuts = quantile_cuts(slot_starts, rows)
    return {"cuts": cuts, "rows": rows, "whole": [least, max(least, longest)]}


def _rejected_and_listed(
    run: Run, versions: VersionSet, sync: dict[str, Any], left: dict[str, Any], *, is_first: bool
) -> Generator[Any, None, str | None]:
    """What the read rejected, what it listed, and what it lists no more: a digest of the listing.

    Where the last read listed the same, the table is written only if it differs. Nothing is listed,
    and there is no digest, where the read is not believed.
    """
    slugs = versions.slugs()
    listing = hashlib.sha256("\n".join(slugs["slug"].to_pylist()).encode()).hexdigest()
    doubt, unlisted = rejected_too_many(versions, run.privacy), None
    with run.destination.open() as stored:
        rejected = [run.privacy.rejected(record) for record in versions.rejected]
        rejects = new_rejects(stored, rejected, versions.sync_id)
        is_same = listing == left.get("listing") and slugs.num_rows == stored.count(tables.LISTED)
        if not (doubt or is_same):
            query = f"select slug from {tables.LISTED.name}"
            unlisted = versions.unlisted(stored.table(query, slugs.schema, tables.LISTED))
            if not run.accept_delisted:
                window = sync["window_from"], sync["window_to"]
                doubt = missing_too_many(stored, versions, unlisted, window, run.max_delisted_share)
    if rejects or is_first:
        yield tables.REJECTED.rows(rejects)
    doubt_read(doubt)
    if doubt:
        return None
    if unlisted is not None:
        if unlisted.num_rows or is_first:
            yield tables.UNLISTED.rows(unlisted)
        yield tables.LISTED.rows(slugs)
    return listing


def fetch_meetings(
    client: DriftClient,
    privacy: PrivacyPolicy = PrivacyPolicy(),  # noqa: B008 - it cannot be changed
    *,
    is_empty: bool = False,
) -> Callable[[int, int], Page]:
    """Fetches the meetings whose slots start between two times, in epoch milliseconds.

    Where nothing was ever listed (`is_empty`), Drift may say so without a list.
    """

    def decode(body: bytes) -> Page:
        page = decode_answer(NOTHING if is_empty and is_nothing(body) else body)
        return replace(page, meetings=privacy.meetings(page.meetings))

    def fetch(min_start_time: int, max_start_time: int) -> Page:
        bounds = {"min_start_time": min_start_time, "max_start_time": max_start_time}
        try:
            return client.get(endpoints.MEETINGS, decode, {**bounds, "limit": LIMIT})
        except GoneError:
            if not is_empty:
                raise
            return decode(NOTHING)

    return fetch


def _reported(
    pages: Iterable[tuple[Window, Page]], client: DriftClient
) -> Iterator[tuple[Window, Page]]:
    """The same pages, each told to whoever watches."""
    read = 0
    for window, page in pages:
        read += page.rows
        log.info(f"{read:,} meetings read in {client.answers:,} requests", extra={"passing": True})
        yield window, page


def _batches(pages: Iterable[tuple[Window, Page]]) -> Iterator[list[tuple[Window, Page]]]:
    batch: list[tuple[Window, Page]] = []
    for window, page in pages:
        batch.append((window, page))
        if sum(held.rows for _, held in batch) >= ROWS_PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _known_versions(stored: KnownState, since: datetime | None, oldest: datetime) -> pa.Table:
    """The known states that this read may bring again.

    That is those of meetings that may be in sight, and those updated after the cursor, wherever
    they have moved since. Columns: `versions.KNOWN_COLUMNS`.
    """
    wanted = f"slot_start is null or slot_start >= {timestamp_literal(oldest - timedelta(days=1))}"
    if since:
        wanted += f" or updated_at >= {timestamp_literal(since)}"
    return stored.table(
        f"""
        select
            slug,
            case when not is_updated_at_inferred then updated_at end as updated_at,
            content_hash,
            row_number() over (
                partition by slug, case when not is_updated_at_inferred then updated_at end
                order by sync_id desc, content_hash desc
            ) = 1 as is_newest
        from {tables.VERSIONS.name}
        where {wanted}
        """,
        KNOWN_COLUMNS,
        tables.VERSIONS,
    )
