"""A read is complete, whatever the endpoint does with its bounds, its order and its cap."""

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, product
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.api import LIMIT, DriftError, RefusedError
from drift.meetings import fetch_meetings
from drift.reading import Reading
from drift.windows import (
    FULL,
    CompleteRead,
    Window,
    WindowFullError,
    quantile_cuts,
    windows_between,
)
from fake_drift.organisation import Meeting
from tests.conftest import wait_until
from tests.drift.conftest import (
    ATTEMPTS,
    DAY,
    HOUR,
    LAST,
    LIKELY,
    NOW,
    NOW_MS,
    Open,
    Read,
    asked,
    client_of,
    complete_read,
    milliseconds,
    read,
)
from tests.hostile import Fault
from tests.synthetic import Shape, synthetic_meetings

BOUNDS = ("inclusive", "exclusive", "half-open")
ORDERS = ("slot_start", "newest", "updated", "shuffled")
SURVIVORS = ("first", "last", "shuffled")
CAPS: dict[str, tuple[int, dict[str, Any]]] = {
    "the documented cap": (1000, {}),
    "an ignored limit": (100, {"ignores_limit": True}),
    "a silent cap of 50": (50, {"cap": 50}),
    "an odd cap of 999": (999, {"cap": 999}),
    "an odd cap of 333": (333, {"cap": 333}),
    "an odd cap of 37": (37, {"cap": 37}),
}
IN_2090 = milliseconds(datetime(2090, 1, 1, tzinfo=UTC))


def at(*starts: int) -> list[Meeting]:
    """A meeting at each of these times."""
    return [
        {"slug": f"m{number:05}", "slotStart": start, "updatedAt": NOW_MS - number * 7919 % HOUR}
        for number, start in enumerate(starts)
    ]


# Slot starts in relation to a cap, as unfavourable as they come.
SHAPES: dict[str, Callable[[int], list[int]]] = {
    "evenly over three months": lambda cap: [
        NOW_MS - 29 * DAY + n * 90 * DAY // (2 * cap + cap // 3) for n in range(2 * cap + cap // 3)
    ],
    "one short of the cap at one moment": lambda cap: [
        NOW_MS + DAY,
        *[NOW_MS + 2 * DAY] * (cap - 1),
        NOW_MS + 3 * DAY,
    ],
    "within one hour": lambda cap: [NOW_MS + n * HOUR // (2 * cap) for n in range(2 * cap)],
    "at the edges of the 30 days and of the year ahead": lambda cap: [
        edge + n % 3 - 1
        for edge in (LIKELY.first + 1, (LIKELY.first + LIKELY.last) // 2, LIKELY.last)
        for n in range(cap // 2 + 1)
    ],
    "in 2090": lambda cap: [NOW_MS, *[IN_2090 + n * DAY for n in range(cap + cap // 3)]],
}


@dataclass(frozen=True)
class Answered:
    """An answer of which only the times and the number of records count."""

    slot_starts: Sequence[int]
    rows: int


def assert_read_whole(pages: Read, meetings: Sequence[Meeting]) -> None:
    """The windows make up all of time, and hold every meeting that starts in them."""
    at = 0
    for window in sorted({window for window, _ in pages}):
        assert window.first <= at, "a span was left out"
        at = max(at, window.last + 1)
    assert at == LAST + 1
    found = {
        (slug, start)
        for _, page in pages
        for slug, start in zip(page.meetings["slug"].to_pylist(), page.slot_starts, strict=True)
    }
    assert found == {(m["slug"], m["slotStart"]) for m in meetings}


# --- completeness


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("cap", CAPS)
def test_every_visible_meeting_is_read(served: Open, bounds: str, cap: str) -> None:
    size, options = CAPS[cap]
    server = served(bounds=bounds, **options)
    ways: list[Any] = list(product(ORDERS, SURVIVORS))
    for number, shape in enumerate(SHAPES):
        meetings = at(*SHAPES[shape](size))
        server.order, server.survivors = ways[(number * 5 + BOUNDS.index(bounds)) % len(ways)]
        server.set_meetings(meetings)
        assert_read_whole(read(server), meetings)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("survivors", SURVIVORS)
def test_neither_the_order_nor_which_rows_survive_the_cap_matters(
    served: Open, order: str, survivors: str
) -> None:
    meetings = at(*(NOW_MS + n * n * HOUR for n in range(91)), *[NOW_MS + DAY] * 39)
    server = served(meetings, order=order, survivors=survivors)
    for bounds in BOUNDS:
        server.bounds = bounds  # type: ignore[assignment]
        server.cap, server.ignores_limit = 50, False
        assert_read_whole(read(server), meetings)
        server.cap, server.ignores_limit = 1000, True
        assert_read_whole(read(server), meetings)


def test_meetings_older_than_30_days_are_not_expected(served: Open) -> None:
    edge = NOW_MS - 30 * DAY
    pages = read(served(at(edge - 1, edge, edge + 1)))
    found = {slug for _, page in pages for slug in page.meetings["slug"].to_pylist()}
    assert found == {"m00001", "m00002"}


def test_a_drift_without_meetings_is_asked_once(served: Open) -> None:
    server = served()
    ((window, page),) = read(server)
    assert (window, page.rows) == (Window(0, LAST), 0)
    assert asked(server) == [(0, LAST + 1, 1000)]


@pytest.mark.parametrize("unscheduled", [49, 50, 100, 998])
@pytest.mark.parametrize("scheduled", [0, 2])
def test_meetings_without_a_slot_in_every_answer_do_not_keep_the_read_from_ending(
    served: Open, scheduled: int, unscheduled: int
) -> None:
    pads: list[Meeting] = [{"slug": f"pad{number}"} for number in range(unscheduled)]
    meetings = at(*[NOW_MS, NOW_MS + DAY][:scheduled])
    server = served([*meetings, *pads], serves_unscheduled=True)
    slugs = {slug for _, page in read(server) for slug in page.meetings["slug"].to_pylist()}
    assert slugs == {str(meeting["slug"]) for meeting in [*meetings, *pads]}


def test_a_cap_filled_by_meetings_without_a_slot_is_an_error(served: Open) -> None:
    pads: list[Meeting] = [{"slug": f"pad{number}"} for number in range(1_000)]
    with pytest.raises(DriftError):
        read(served([*at(NOW_MS), *pads], serves_unscheduled=True))


@pytest.mark.parametrize("records", [50, 1_200])
def test_a_window_of_records_without_a_usable_time_is_read_whole(
    served: Open, records: int
) -> None:
    bad = [{**meeting, "status": 5} for meeting in at(*(NOW_MS + n * HOUR for n in range(records)))]
    pages = read(served(bad))
    assert {record.slug for _, page in pages for record in page.rejected} == {
        str(record["slug"]) for record in bad
    }


# --- a moment with too many


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("count", [1000, 1001, 2500])
def test_a_moment_that_fills_an_answer_is_an_error_that_names_it(
    served: Open, bounds: str, count: int
) -> None:
    server = served(at(NOW_MS, *[NOW_MS + 90_061_001] * count), bounds=bounds)
    with pytest.raises(WindowFullError) as caught:
        read(server)
    assert str(caught.value) == (
        "At 2026-06-02T09:01:01.001+00:00 alone Drift answers with 1000 meetings, as many as it "
        "ever does: there may be more, and no narrower time to ask for."
    )


def test_a_moment_that_is_as_long_as_a_cut_answer_is_an_error(served: Open) -> None:
    server = served(at(NOW_MS - HOUR, *[NOW_MS] * 340, NOW_MS + HOUR), cap=333)
    with pytest.raises(WindowFullError, match=r"At 2026-06-01T08:00:00\.000.* with 333 meetings"):
        read(server)


def test_a_hundred_meetings_at_one_moment_are_whole(served: Open) -> None:
    meetings = at(*[NOW_MS] * 100, NOW_MS + HOUR)
    assert_read_whole(read(served(meetings)), meetings)


# --- what is asked for


def test_a_full_answer_is_asked_for_again_in_halves_of_the_likely_time(served: Open) -> None:
    middle = (LIKELY.first + LIKELY.last) // 2
    server = served(at(*(NOW_MS + n for n in range(601)), *(middle + 1 + n for n in range(600))))
    read(server, in_flight=1)
    assert asked(server)[:3] == [
        (0, LAST + 1, 1000),
        (0, middle + 1, 1000),
        (middle, LAST + 1, 1000),
    ]
    # Then the fuller one in two parts, that make no more of it.
    fullest = NOW_MS + 300
    assert asked(server)[3:] == [(0, fullest, 1000), (fullest - 1, middle + 1, 1000)]


@pytest.mark.parametrize("cap", [333, 1000])
def test_the_length_that_two_parts_exceed_is_the_cap_from_there_on(served: Open, cap: int) -> None:
    meetings = at(*(NOW_MS + n * HOUR for n in range(2_000)))
    server = served(meetings, cap=cap, survivors="shuffled")
    first = complete_read(server)
    assert_read_whole(list(first.pages(windows_between([]))), meetings)
    assert first.cap == cap
    before, known = len(server.requests), complete_read(server, cap=cap, proven=2_000)
    starts = [NOW_MS + n * HOUR for n in range(2_000)]
    cuts = quantile_cuts(starts, int(FULL * cap))
    assert_read_whole(list(known.pages(windows_between(cuts))), meetings)
    assert len(server.requests) - before == len(cuts) + 1
    assert known.cap == cap


def test_a_cap_that_an_answer_exceeds_was_none(served: Open) -> None:
    meetings = at(*(NOW_MS + n * HOUR for n in range(40)))
    read = complete_read(served(meetings), cap=20, proven=20)
    assert_read_whole(list(read.pages(windows_between([]))), meetings)
    assert read.cap == LIMIT


def test_an_answer_longer_than_all_that_was_ever_seen_is_asked_for_in_two_parts(
    served: Open,
) -> None:
    server = served(at(*(NOW_MS + n * HOUR for n in range(120))), ignores_limit=True)
    for proven, requests in ((100, 1), (99, 3)):
        before, read = len(server.requests), complete_read(server, proven=proven, in_flight=1)
        list(read.pages(windows_between([])))
        assert len(server.requests) - before == requests


def test_each_window_is_asked_for_with_a_millisecond_to_spare(served: Open) -> None:
    server = served(at(NOW_MS))
    read(server, [NOW_MS, NOW_MS + DAY], in_flight=1)
    assert asked(server) == [
        (0, NOW_MS, 1000),
        (NOW_MS - 1, NOW_MS + DAY, 1000),
        (NOW_MS + DAY - 1, LAST + 1, 1000),
    ]


@pytest.mark.parametrize("shape", ["uniform", "peak", "office"])
@pytest.mark.parametrize(("count", "unscheduled"), [(2_000, 0), (5_000, 900), (40_000, 0)])
def test_a_first_read_takes_hardly_more_requests_than_bisection(
    count: int, unscheduled: int, shape: Shape
) -> None:
    """Two more for the fullest answer. Records without a slot are in every answer, and make room
    for fewer others."""
    meetings = synthetic_meetings(count, shape, NOW)
    starts = sorted(int(str(meeting["slotStart"])) for meeting in meetings)

    def inside(first: int, last: int) -> Sequence[int]:
        return starts[bisect_left(starts, first) : bisect_right(starts, last)]

    def bisected(first: int, last: int) -> int:
        if len(inside(first - 1, last + 1)) + unscheduled < 1000:
            return 1
        middle = (max(first, LIKELY.first) + min(last, LIKELY.last)) // 2
        return 1 + bisected(first, middle) + bisected(middle + 1, last)

    asked: list[int] = []

    def ask(first: int, last: int) -> Answered:
        asked.append(first)
        found = inside(first, last)[: 1000 - unscheduled]
        return Answered(found, len(found) + unscheduled)

    pages = list(CompleteRead(ask, LIKELY, in_flight=4).pages(windows_between([])))
    assert all(page.slot_starts == inside(one.first - 1, one.last + 1) for one, page in pages)
    assert len(asked) == bisected(0, LAST) + 2


# --- where a later read cuts

starts_and_rows = st.tuples(
    st.lists(st.integers(1, 60) | st.integers(NOW_MS, NOW_MS + 3 * DAY), max_size=80).map(sorted),
    st.integers(1, 12),
)


@given(starts_and_rows)
def test_windows_between_cuts_make_up_all_of_time(drawn: tuple[list[int], int]) -> None:
    windows = windows_between(quantile_cuts(*drawn))
    assert [windows[0].first, windows[-1].last] == [0, LAST]
    assert all(one.first <= one.last for one in windows)
    assert all(one.last + 1 == other.first for one, other in pairwise(windows))


@given(starts_and_rows)
def test_no_window_holds_more_than_wanted_unless_one_moment_does(
    drawn: tuple[list[int], int],
) -> None:
    starts, rows = drawn
    for window in windows_between(quantile_cuts(starts, rows)):
        held = [start for start in starts if window.first <= start <= window.last]
        assert len(held) <= rows or len(set(held)) == 1


@given(starts_and_rows)
def test_a_cut_lies_half_way_between_two_moments(drawn: tuple[list[int], int]) -> None:
    starts, rows = drawn
    for cut in quantile_cuts(starts, rows):
        place = bisect_left(starts, cut)
        before, after = starts[place - 1], starts[place]
        assert before < cut <= after
        assert cut == (before + after) // 2 + 1


@given(starts_and_rows)
def test_windows_are_as_full_as_whole_moments_allow(drawn: tuple[list[int], int]) -> None:
    starts, rows = drawn
    windows = windows_between(quantile_cuts(starts, rows))
    for one, other in pairwise(windows):
        held = sum(one.first <= start <= one.last for start in starts)
        following = min(start for start in starts if start >= other.first)
        assert held + starts.count(following) > rows


@pytest.mark.parametrize("shape", ["uniform", "peak", "office"])
def test_a_later_read_takes_few_requests(served: Open, shape: Shape) -> None:
    count = 10_000
    meetings = synthetic_meetings(count, shape, NOW)
    allowed = int(1.15 * ceil(count / 1000) + 2)
    cuts = quantile_cuts(sorted(int(str(m["slotStart"])) for m in meetings), int(FULL * LIMIT))
    server = served(meetings)
    assert_read_whole(read(server, cuts), meetings)
    assert len(server.requests) <= allowed

    others = synthetic_meetings(count // 10, shape, NOW, seed="moved")
    moved = [
        {**m, "slotStart": o["slotStart"]} for m, o in zip(meetings[::10], others, strict=True)
    ]
    meetings[::10] = moved
    server.set_meetings(meetings)
    assert_read_whole(read(server, cuts), meetings)
    assert len(server.requests) <= 2 * allowed


# --- requests under way


@pytest.mark.parametrize("in_flight", [1, 3])
def test_as_many_requests_are_under_way_as_allowed_and_no_more(
    served: Open, in_flight: int
) -> None:
    server = served(at(*(NOW_MS + n * DAY for n in range(12))), latency_seconds=0.02)
    ask = fetch_meetings(Reading(client_of(server)))
    lock = threading.Lock()
    under_way: list[int] = [0]

    def counted(first: int, last: int) -> object:
        with lock:
            under_way.append(under_way[-1] + 1)
        try:
            return ask(first, last)
        finally:
            with lock:
                under_way.append(under_way[-1] - 1)

    windows = windows_between([NOW_MS + n * DAY for n in range(1, 12)])
    list(CompleteRead(counted, LIKELY, in_flight=in_flight).pages(windows))  # type: ignore[type-var]
    assert max(under_way) == in_flight


def test_no_more_is_asked_for_while_the_caller_is_busy(served: Open) -> None:
    server = served(at(*(NOW_MS + n * DAY for n in range(12))))
    windows = windows_between([NOW_MS + n * DAY for n in range(1, 12)])
    pages = complete_read(server, in_flight=2).pages(windows)
    next(pages)
    wait_until(lambda: len(server.requests) >= 2)
    time.sleep(0.1)
    assert len(server.requests) == 2
    pages.close()  # type: ignore[attr-defined]
    assert_no_thread_left()
    assert len(server.requests) == 2


def assert_no_thread_left() -> None:
    assert [one.name for one in threading.enumerate() if one.name.startswith("drift")] == []


def test_a_refused_window_ends_the_read(served: Open) -> None:
    server = served(at(*(NOW_MS + n * DAY for n in range(40))), token="another")
    windows = windows_between([NOW_MS + n * DAY for n in range(1, 40)])
    client = client_of(server)
    server.token = "changed"
    with pytest.raises(RefusedError):
        list(CompleteRead(fetch_meetings(Reading(client)), LIKELY, in_flight=2).pages(windows))
    assert_no_thread_left()
    assert len(server.requests) <= 4


def test_a_window_that_keeps_failing_ends_the_read(served: Open) -> None:
    def third_window_fails(_: int, path: str) -> Fault | None:
        return Fault("server_error") if f"min_start_time={NOW_MS + 2 * DAY - 1}&" in path else None

    server = served(at(*(NOW_MS + n * DAY for n in range(40))), faults=third_window_fails)
    windows = windows_between([NOW_MS + n * DAY for n in range(1, 40)])
    yielded: Read = []
    with pytest.raises(DriftError, match="kept answering 500"):
        yielded.extend(complete_read(server, in_flight=1).pages(windows))
    assert_no_thread_left()
    assert len(server.requests) == 2 + ATTEMPTS
