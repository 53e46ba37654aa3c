"""A complete read of a span of time, from an endpoint that cuts its answers without saying so.

The endpoint has no page, cursor or count. It takes two bounds on the start of a meeting's slot,
and nobody has written down whether they are inclusive, in which order it answers, or which rows
survive when more match than it returns. So nothing here depends on any of the three:

- a window is asked for with a millisecond to spare on either side, so that each of its
  milliseconds lies strictly between the bounds;
- an answer that may have been cut is thrown away, and the window asked for again in parts, without
  asking for those that are likely too full as well;
- what an answer holds beside its window is passed on as well: the caller knows a set by its keys.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil
from typing import Final, Protocol, TypeVar

from .api import DEFAULT_LIMIT, LAST_MS, LIMIT, ROUND, SMALLEST_CAP
from .errors import WindowFullError
from .owed import Owed
from .values import from_milliseconds

FULL: Final = 0.93
"""How many meetings a window is made for, as a share of the most that an answer had."""

MOST_PARTS: Final = 8
"""Parts that a window is cut into at once: farther on, meetings may be less dense."""


@dataclass(frozen=True, order=True)
class Window:
    """The milliseconds from `first` to `last`, both of them included."""

    first: int
    last: int


class Answer(Protocol):
    """What a window was answered with, as far as reading completely needs to know."""

    @property
    def rows(self) -> int:
        """Records in the answer, bad ones included."""

    @property
    def slot_starts(self) -> Sequence[int]:
        """Slot starts of its usable records in epoch milliseconds, in any order."""


A = TypeVar("A", bound=Answer)
Fetch = Callable[[int, int], A]
"""Asks with `min_start_time` and `max_start_time`, in epoch milliseconds."""


def read_windows(
    fetch: Fetch[A],
    windows: Sequence[Window],
    likely: Window,
    *,
    whole: range = range(0),
    in_flight: int,
) -> Iterator[tuple[Window, A]]:
    """Every window's answer, in parts where one answer may not be all of it, in no fixed order.

    `likely` is where meetings are expected; halving a window starts there, whatever the window's
    width. `whole` are lengths of answers that an earlier read has found to be whole. At most
    `in_flight` requests are under way, and as many answers wait for the caller.
    Raises `WindowFullError` for a millisecond that cannot be read whole, and `DriftError` where the
    parts of a window lack what an answer for all of it held.
    """
    owed = Owed()
    for window, answer in _read(fetch, windows, likely, owed, whole=whole, in_flight=in_flight):
        owed.bring(window.first, window.last, answer.slot_starts, answer.rows)
        yield window, answer
    owed.check()


def _read(
    fetch: Fetch[A],
    windows: Sequence[Window],
    likely: Window,
    owed: Owed,
    *,
    whole: range,
    in_flight: int,
) -> Iterator[tuple[Window, A]]:
    waiting = sorted(windows)  # a heap: what is known before a part says how full it will be
    crowded, running = set[Window](), dict[Future[A], Window]()
    held, doubtful = list[tuple[Window, A]](), list[tuple[Window, A]]()
    known = list[tuple[Window, int]]()
    longest = fullest = cap = 0
    widest = set(windows)
    with ThreadPoolExecutor(max_workers=in_flight, thread_name_prefix="drift") as pool:
        try:
            while waiting or running:
                # Until one part is whole, nothing says how narrow the others must be.
                while waiting and len(running) < (in_flight if known or not crowded else 1):
                    window = _next(waiting, crowded, known, likely, fullest)
                    running[pool.submit(_fetch_window, fetch, window)] = window
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                answers = [(running.pop(future), future.result()) for future in done]
                longest = max(longest, *(answer.rows for _, answer in answers))
                fullest = max(fullest, *(len(answer.slot_starts) for _, answer in answers))
                widest.difference_update(window for window, _ in answers)
                if not widest:  # no longer one can come that would say that they are whole
                    answers, held = answers + held, []
                for window, answer in answers:
                    if not _may_be_cut(answer, longest, whole):
                        insort(known, (window, len(answer.slot_starts)))
                        yield window, answer
                    elif widest and answer.rows < LIMIT:
                        held.append((window, answer))
                    elif window.first < window.last:
                        if len(windows) == 1 and len(set(answer.slot_starts)) > 1:
                            cap = cap or answer.rows  # if it is one: that of the whole window
                        owed.add(window.first, window.last, answer.slot_starts)
                        parts = _parts(window, answer, likely)
                        # Likely as full as what is before it. The last may be the end of all.
                        crowded.add(parts[0])
                        for part in parts:
                            heappush(waiting, part)
                    elif answer.rows >= LIMIT:
                        raise WindowFullError(_full(window, answer))
                    else:  # whole, if any answer turns out longer
                        doubtful.append((window, answer))
            for window, answer in doubtful:
                # As long as the one of all times, with other times in it: that one was cut.
                if answer.rows == longest and longest in (DEFAULT_LIMIT, cap):
                    raise WindowFullError(_full(window, answer))
                yield window, answer
        finally:
            pool.shutdown(cancel_futures=True)


def _next(
    waiting: list[Window],
    crowded: set[Window],
    known: Sequence[tuple[Window, int]],
    likely: Window,
    fullest: int,
) -> Window:
    """Takes the next window from the heap; of one that is likely too full, a part."""
    window = heappop(waiting)
    if window in crowded:
        window, *others = _narrowed(window, known, likely, fullest)
        crowded.update(others)
        for other in others:
            heappush(waiting, other)
    return window


def _narrowed(
    window: Window, known: Sequence[tuple[Window, int]], likely: Window, fullest: int
) -> list[Window]:
    """The window in parts, of which the first likely fits into an answer.

    Meetings are taken to be as dense as in the window just before, of those in `known` (ascending,
    with how many meetings start there).
    """
    index = bisect_left(known, (window, 0)) - 1
    if index < 0:
        return [window]
    before, meetings = known[index]
    expected = meetings * _likely_length(window, likely) / max(1, _likely_length(before, likely))
    if expected <= fullest:
        return [window]
    return _even_parts(window, likely, min(MOST_PARTS, ceil(expected / (FULL * fullest))))


def _likely_length(window: Window, likely: Window) -> int:
    first, last = _clipped(window, likely)
    return max(0, last - first + 1)


def _fetch_window(fetch: Fetch[A], window: Window) -> A:
    answer, at = fetch(max(window.first - 1, 0), window.last + 1), window.first
    if window.first < window.last or not _may_be_cut(answer, answer.rows):
        return answer
    if answer.rows < LIMIT and answer.rows % ROUND and all(s == at for s in answer.slot_starts):
        return answer
    # The neighbouring milliseconds may have filled it, if the bounds are inclusive. One of these
    # pairs of bounds leaves them out and keeps the one in the middle, unless both are exclusive.
    narrow = [fetch(at, at), fetch(at, at + 1), fetch(at - 1, at)]
    # Rows from beside what was asked for are no sign that the moment itself was.
    there = sum(start == at for start in answer.slot_starts)
    for found in narrow:
        if sum(start == at for start in found.slot_starts) >= max(there, 1):
            return found
    if not there and answer.slot_starts:  # inclusive, and nothing in the middle
        return min(narrow, key=lambda found: found.rows)
    return answer


def _may_be_cut(answer: Answer, longest: int, whole: range = range(0)) -> bool:
    """Whether an answer may lack rows, seeing how long the longest one of this read is."""
    if answer.rows >= LIMIT:
        return True
    # A longer answer shows that no cap lies here. Records without a slot are in every answer,
    # however narrow: they say nothing about a cap.
    if answer.rows < max(longest, SMALLEST_CAP) or not answer.slot_starts:
        return False
    return answer.rows % ROUND == 0 or answer.rows not in whole


def _parts(window: Window, answer: Answer, likely: Window) -> list[Window]:
    """Narrower windows that make up this one.

    The rows of an answer that may have been cut say where to cut; that nothing is missed does not
    depend on them.
    """
    inside = sorted(at for at in answer.slot_starts if window.first <= at <= window.last)
    if inside and inside[0] == inside[-1]:  # all at one moment: look at that alone
        return _cut(window, [inside[0], inside[0] + 1])
    if inside and answer.rows < LIMIT:  # suspected of its length alone: halves are shorter
        middle = inside[min(len(inside) // 2 + 1, len(inside) - 1)]
        return _cut(window, [middle if middle > inside[0] else middle + 1])
    if not inside and answer.slot_starts:  # filled by its neighbours: take the edges off
        return _cut(window, [window.first + 1, window.last])
    return _even_parts(window, likely, 2)


def _even_parts(window: Window, likely: Window, count: int) -> list[Window]:
    """Parts of which each has as much of what is likely."""
    first, last = _clipped(window, likely)
    if first >= last:
        first, last = window.first, window.last
    return _cut(window, [first + (last - first) * n // count + 1 for n in range(1, count)])


def _clipped(window: Window, likely: Window) -> tuple[int, int]:
    """The first and the last millisecond of a window that are likely; none if last < first."""
    return max(window.first, likely.first), min(window.last, likely.last)


def _cut(window: Window, starts: Sequence[int]) -> list[Window]:
    """The window cut so that a new one begins at each of `starts`."""
    inside = sorted({start for start in starts if window.first < start <= window.last})
    firsts = [window.first, *inside]
    lasts = [*(first - 1 for first in firsts[1:]), window.last]
    return [Window(first, last) for first, last in zip(firsts, lasts, strict=True)]


def windows_between(
    cuts: Sequence[int],
    whole: Window = Window(0, LAST_MS),
) -> list[Window]:
    """All of time, with a new window at each of `cuts` (ascending, epoch milliseconds)."""
    return _cut(whole, cuts)


def quantile_cuts(slot_starts: Sequence[int], rows: int) -> list[int]:
    """Where to cut so that no window holds more than `rows` of these slot starts (ascending).

    Meetings at one moment stay together; a cut lies half-way between two moments, so that the
    millisecond to spare finds nothing.
    """
    cuts = []
    begin = 0
    while begin + rows < len(slot_starts):
        moment = slot_starts[begin + rows]
        end = bisect_left(slot_starts, moment, begin)
        if end == begin:  # a moment with more than `rows` meetings
            end = bisect_right(slot_starts, moment, begin)
            if end == len(slot_starts):
                break
        cuts.append((slot_starts[end - 1] + slot_starts[end]) // 2 + 1)
        begin = end
    return cuts


def _full(window: Window, answer: Answer) -> str:
    at = from_milliseconds(window.first).isoformat(timespec="milliseconds")
    return (
        f"At {at} alone Drift answers with {answer.rows} meetings, as many as it ever does: "
        "there may be more, and no narrower time to ask for."
    )
