"""One complete read of the meetings in sight: bytes → Arrow → new versions → raw tables."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import dlt
import pyarrow as pa

from . import endpoints, tables
from .api import LAST_MS, LIKELY_AHEAD_DAYS, LIMIT, VISIBLE_DAYS
from .client import DriftClient
from .decode import Page, decode_answer
from .known_state import KnownState
from .privacy import PrivacyPolicy
from .rejects import new_rejects
from .run import Run
from .sql import timestamp_literal
from .values import from_milliseconds, to_milliseconds
from .versions import KNOWN_COLUMNS, VersionSet
from .windows import Window, quantile_cuts, read_windows, windows_between

log = logging.getLogger(__name__)

ROWS_PER_WINDOW: Final = 930
"""Meetings that a window is cut for: short of the limit, with room for those booked since."""

ROWS_PER_BATCH: Final = 50_000
"""Meetings that are compared and handed to dlt together: some 20 MB of Arrow."""

VISIBLE: Final = timedelta(days=VISIBLE_DAYS)


def read_meetings(run: Run, updated: dlt.sources.incremental[datetime]) -> Iterator[Any]:
    """The new versions in batches, then what the read rejected, listed and was.

    All of it is one load package. A read that fails raises, and nothing of it is loaded.
    """
    began, answers_before = monotonic(), run.client.answers
    run.begin()
    state = dlt.current.resource_state()
    last: dict[str, Any] = state.get("last_read", {})
    started_at = run.started_at
    if last:  # runs keep their order, whatever happens to the machine's clock
        started_at = max(started_at, last["started_at"] + timedelta(milliseconds=1))
    sync_id = started_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    since = None if run.full_refresh else updated.start_value
    # Every state in sight is compared with those known, whatever its updatedAt: Drift has not said
    # that each change raises it. So dlt's own filter is off; the cursor says what to compare with.
    updated.advance(None)  # type: ignore[arg-type]
    left = {} if run.full_refresh else last
    with run.destination.open() as stored:
        known = _known_versions(stored, since, started_at - VISIBLE)
    with closing(VersionSet(known, sync_id=sync_id, started_at=started_at)) as versions:
        for table in tables.RELATED:  # models read them, whether or not they are loaded
            if table.name not in dlt.current.source_schema().tables:
                yield table.rows([])
        likely = Window(
            to_milliseconds(started_at - VISIBLE),
            to_milliseconds(started_at + timedelta(days=LIKELY_AHEAD_DAYS)),
        )
        windows = windows_between(left.get("cuts", []))
        pages = read_windows(
            fetch_meetings(run.client, run.privacy), windows, likely, in_flight=run.in_flight
        )
        for batch in _batches(_reported(pages, run.client)):
            if (new := versions.add(batch)).num_rows:
                run.keep_ids(new)
                yield tables.VERSIONS.rows(new)
        # Every table exists from the first run on, however little it finds.
        if (new := versions.rest()).num_rows or not (last or versions.versions_added):
            run.keep_ids(new)
            yield tables.VERSIONS.rows(new)
        slugs = versions.slugs()
        listing = hashlib.sha256("\n".join(slugs["slug"].to_pylist()).encode()).hexdigest()
        is_same = listing == left.get("listing")
        yield from _rejected_and_listed(run, versions, slugs, is_same=is_same, is_first=not last)
        finished_at = started_at + timedelta(seconds=monotonic() - began)
        sync = _sync_row(versions, run.client, started_at, finished_at, last.get("started_at"))
        yield tables.SYNC.rows([sync | {"requests": run.client.answers - answers_before}])
        # Neither a meeting dated ahead nor a wrong clock may carry the cursor past this read.
        if newest := versions.newest_updated_at:
            updated.advance(min(newest, started_at, run.client.first_date or started_at))
        state["last_read"] = {
            "sync_id": sync_id,
            "started_at": started_at,
            "listing": listing,
            "cuts": quantile_cuts(versions.slot_starts(), ROWS_PER_WINDOW),
        }
    run.has_read_meetings = True


def _rejected_and_listed(
    run: Run, versions: VersionSet, slugs: pa.Table, *, is_same: bool, is_first: bool
) -> Iterator[Any]:
    """What the read rejected, what it listed, and what it lists no more.

    `is_same`: the last read listed the same; then the table is written only if it differs.
    """
    with run.destination.open() as stored:
        rejected = [run.privacy.rejected(record) for record in versions.rejected]
        rejects = new_rejects(stored, rejected, versions.sync_id)
        listed_before = None
        if not is_same or slugs.num_rows != stored.count(tables.LISTED):
            query = f"select slug from {tables.LISTED.name}"
            listed_before = stored.table(query, slugs.schema, tables.LISTED)
    if rejects or is_first:
        yield tables.REJECTED.rows(rejects)
    if listed_before is not None:
        unlisted = versions.unlisted(listed_before)
        if unlisted.num_rows or is_first:
            yield tables.UNLISTED.rows(unlisted)
        yield tables.LISTED.rows(slugs)


def _sync_row(
    versions: VersionSet,
    client: DriftClient,
    started_at: datetime,
    finished_at: datetime,
    started_before: datetime | None,
) -> dict[str, Any]:
    # `Date` is cut to the second, so the server may be almost one second further.
    server_time = (client.last_date or finished_at) + timedelta(seconds=1)
    window_from = max(finished_at, server_time) - VISIBLE
    slept = started_before is not None and started_before < window_from
    return {
        "sync_id": versions.sync_id,
        "started_at": started_at,
        "finished_at": finished_at,
        "window_from": window_from,
        "window_to": from_milliseconds(LAST_MS),
        "meetings_seen": versions.meetings_seen(),
        "versions_added": versions.versions_added,
        "rejected": len(versions.rejected),
        "gap_from": started_before if slept else None,
        "gap_to": window_from if slept else None,
    }


def fetch_meetings(
    client: DriftClient,
    privacy: PrivacyPolicy = PrivacyPolicy(),  # noqa: B008 - it cannot be changed
) -> Callable[[int, int], Page]:
    """Fetches the meetings whose slots start between two times, in epoch milliseconds."""

    def decode(body: bytes) -> Page:
        page = decode_answer(body)
        return page if privacy.keeps else replace(page, meetings=privacy.meetings(page.meetings))

    def fetch(min_start_time: int, max_start_time: int) -> Page:
        bounds = {"min_start_time": min_start_time, "max_start_time": max_start_time}
        return client.get(endpoints.MEETINGS, decode, {**bounds, "limit": LIMIT})

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
    """The newest known state of each version that this read may bring again.

    That is those of meetings that may be in sight, and those updated after the cursor, wherever
    they have moved since. Columns: `versions.KNOWN_COLUMNS`.
    """
    wanted = f"slot_start is null or slot_start >= {timestamp_literal(oldest - timedelta(days=1))}"
    if since:
        wanted += f" or updated_at >= {timestamp_literal(since)}"
    return stored.table(
        f"""
        select slug, updated_at, content_hash
        from (
            select
                slug,
                content_hash,
                case when not is_updated_at_inferred then updated_at end as updated_at,
                row_number() over (
                    partition by slug, case when not is_updated_at_inferred then updated_at end
                    order by sync_id desc
                ) as age
            from {tables.VERSIONS.name}
            where {wanted}
        ) as states
        where age = 1
        """,
        KNOWN_COLUMNS,
        tables.VERSIONS,
    )
