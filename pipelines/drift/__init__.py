"""The dlt source `drift`: booked meetings, incremental on `updatedAt`.

Reading order: `drift_source` and `meetings` here, `windows` (a complete read), `client` (one
request), `decode` (bytes to Arrow), `personal` (what may be written of people), `versions` (what is
new), `stored` (what is known), `tables` (what is written). Beside them, sources of their own:
`neighbours` (who is behind the ids), `importing` (meetings from files), `rewriting` (what is
stored, as a changed setting wants it).
"""

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
from dlt.extract import DltResource

from drift import tables
from drift.client import DriftClient
from drift.decode import Page, decode_answer
from drift.personal import Policy, policy_of
from drift.settings import LAST_MS, LIKELY_AHEAD_DAYS, LIMIT, MEETINGS_PATH, VISIBLE_DAYS
from drift.stored import count, new_rejects, read_stored, undocumented_types
from drift.versions import KNOWN_COLUMNS, VersionSet
from drift.windows import Window, quantile_cuts, read_windows, windows_between

log = logging.getLogger(__name__)

ROWS_PER_WINDOW: Final = 930
"""Meetings that a window is cut for: short of the limit, with room for those booked since."""

ROWS_PER_BATCH: Final = 50_000
"""Meetings that are compared and handed to dlt together: some 20 MB of Arrow."""

VISIBLE: Final = timedelta(days=VISIBLE_DAYS)


@dlt.source(name="drift", max_table_nesting=0)
def drift_source(
    base_url: str = "https://driftapi.com",
    access_token: str = dlt.secrets.value,
    overlap_hours: float = 24.0,
    requests_in_flight: int = 6,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
    full_refresh: bool = False,
    started_at: datetime | None = None,
) -> DltResource:
    """Booked meetings, every state of each that was seen, and a record of each read.

    Args:
        base_url: Where Drift's API answers.
        access_token: A token with the scope `user_read`.
        overlap_hours: How far behind the newest `updatedAt` the cursor stays, for versions that
            Drift commits late.
        requests_in_flight: The most requests under way at once.
        personal_data: keep, hash or drop: see `personal`.
        personal_data_key: The key of the hash.
        full_refresh: Read without what the last run left (the windows it cut, what it listed, the
            cursor). Nothing is dropped.
        started_at: When this run starts, where that is not now.

    Returns:
        The resource `meetings`, which writes the tables `meeting_versions`, `listed_meetings`,
        `unlisted_meetings`, `rejected_meetings` and `syncs`.
    """
    policy = policy_of(personal_data, personal_data_key)
    client = DriftClient(
        base_url, access_token, max_connections=requests_in_flight, quotes_drift=policy.keeps
    )
    cursor = dlt.sources.incremental[datetime](
        "updated_at", primary_key=(), lag=overlap_hours * 3600
    )
    return meetings(
        client, policy, requests_in_flight, full_refresh, started_at or datetime.now(UTC), cursor
    )


def last_read(pipeline: dlt.Pipeline) -> dict[str, Any]:
    """What the last complete read left for the next: `sync_id`, `started_at`, and more; or {}."""
    state: Any = pipeline.state
    for key in ("sources", "drift", "resources", "meetings", "last_read"):
        state = state.get(key, {})
    return dict(state)


@dlt.resource(name="meetings")
def meetings(
    client: DriftClient,
    policy: Policy,
    requests_in_flight: int,
    full_refresh: bool,
    started_at: datetime,
    updated: dlt.sources.incremental[datetime] = dlt.sources.incremental("updated_at"),  # noqa: B008
) -> Iterator[Any]:
    """One complete read: its new versions in batches, then what it rejected, listed and was.

    All of it is one load package. A read that fails raises, and nothing of it is loaded.
    """
    began = monotonic()
    state = dlt.current.resource_state()
    last: dict[str, Any] = state.get("last_read", {})
    if last:  # runs keep their order, whatever happens to the machine's clock
        started_at = max(started_at, last["started_at"] + timedelta(milliseconds=1))
    sync_id = started_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    since = None if full_refresh else updated.start_value
    # Every state in sight is compared with those known, whatever its updatedAt: Drift has not said
    # that each change raises it. So dlt's own filter is off; the cursor says what to compare with.
    updated.advance(None)  # type: ignore[arg-type]
    left = {} if full_refresh else last
    with closing(
        VersionSet(
            _known_versions(since, started_at - VISIBLE),
            sync_id=sync_id,
            started_at=started_at,
            types=undocumented_types(),
        )
    ) as versions:
        for table in tables.NEIGHBOURS:  # the models read them, whether or not they are read
            if table.name not in dlt.current.source_schema().tables:
                yield table.rows([])
        likely = Window(
            _milliseconds(started_at - VISIBLE),
            _milliseconds(started_at + timedelta(days=LIKELY_AHEAD_DAYS)),
        )
        windows = windows_between(left.get("cuts", []))
        pages = read_windows(
            ask_meetings(client, policy), windows, likely, in_flight=requests_in_flight
        )
        for batch in _batches(_reported(pages, client)):
            if (new := versions.add(batch)).num_rows:
                yield tables.VERSIONS.rows(new)
        # Every table exists from the first run on, however little it finds.
        if (new := versions.rest()).num_rows or not (last or versions.versions_added):
            yield tables.VERSIONS.rows(new)

        rejected = new_rejects([policy.rejected(one) for one in versions.rejected], sync_id)
        slugs = versions.slugs()
        if rejected or not last:
            yield tables.REJECTED.rows(rejected)
        listing = hashlib.sha256("\n".join(slugs["slug"].to_pylist()).encode()).hexdigest()
        if listing != left.get("listing") or slugs.num_rows != count(tables.LISTED.name):
            listed_before = read_stored(f"select slug from {tables.LISTED.name}", slugs.schema)
            unlisted = versions.unlisted(listed_before)
            if unlisted.num_rows or not last:
                yield tables.UNLISTED.rows(unlisted)
            yield tables.LISTED.rows(slugs)
        finished_at = started_at + timedelta(seconds=monotonic() - began)
        yield tables.SYNC.rows(
            [_sync_row(versions, client, started_at, finished_at, last.get("started_at"))]
        )

        # Neither a meeting dated ahead nor a wrong clock may carry the cursor past this read.
        if newest := versions.newest_updated_at:
            updated.advance(min(newest, started_at, client.first_date or started_at))
        state["last_read"] = {
            "sync_id": sync_id,
            "started_at": started_at,
            "listing": listing,
            "cuts": quantile_cuts(versions.slot_starts(), ROWS_PER_WINDOW),
        }


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
        "window_to": datetime.fromtimestamp(LAST_MS / 1000, UTC),
        "requests": client.answers,
        "meetings_seen": versions.meetings_seen(),
        "versions_added": versions.versions_added,
        "rejected": len(versions.rejected),
        "gap_from": started_before if slept else None,
        "gap_to": window_from if slept else None,
    }


def ask_meetings(
    client: DriftClient,
    policy: Policy = Policy(),  # noqa: B008 - it cannot be changed
) -> Callable[[int, int], Page]:
    """Asks for the meetings whose slots start between two times, in epoch milliseconds."""

    def decode(body: bytes) -> Page:
        page = decode_answer(body)
        return page if policy.keeps else replace(page, meetings=policy.meetings(page.meetings))

    def ask(min_start_time: int, max_start_time: int) -> Page:
        bounds = {"min_start_time": min_start_time, "max_start_time": max_start_time}
        return client.get(MEETINGS_PATH, {**bounds, "limit": LIMIT}, decode)

    return ask


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


def _known_versions(since: datetime | None, oldest: datetime) -> pa.Table:
    """The newest known state of each version that this read may bring again.

    That is those of meetings that may be in sight, and those updated after the cursor, wherever
    they have moved since. Columns: `versions.KNOWN_COLUMNS`.
    """
    time = "cast('{:%Y-%m-%d %H:%M:%S.%f}+00:00' as timestamptz)".format
    wanted = f"slot_start is null or slot_start >= {time(oldest - timedelta(days=1))}"
    if since:
        wanted += f" or updated_at >= {time(since.astimezone(UTC))}"
    return read_stored(
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
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
