"""A complete read of a span of time, from an endpoint that cuts its answers without saying so.

The endpoint has no page, cursor or count. It takes two bounds on the start of a meeting's slot,
and nobody has written down whether they are inclusive, in which order it answers, or which rows
survive when more match than it returns. So nothing here depends on any of the three:

- a window is asked for with a millisecond to spare on either side, so that each of its
  milliseconds lies strictly between the bounds;
- an answer as long as the cap is thrown away, and the window asked for again in halves;
- what an answer holds beside its window is passed on as well: the caller knows a set by its keys.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from .api import FAR_MS, LIMIT, DriftError
from .values import from_milliseconds

FULL: Final = 0.93
"""How many meetings a window is cut for, as a share of the cap: there is room for new ones."""


class WindowFullError(DriftError):
    """More meetings start in one millisecond than one answer can hold."""


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


class CompleteRead(Generic[A]):
    """Reads windows whole.

    `cap` is the length at which answers are cut: the documented limit, if no read has found a
    lower one. Where the fullest answer is longer than `proven`, it is asked for once more in two
    parts: if these bring more, its length is the cap.
    """

    def __init__(
        self, fetch: Fetch[A], likely: Window, *, cap: int = LIMIT, proven: int = 0, in_flight: int
    ) -> None:
        self.cap = cap
        self._fetch, self._likely, self._in_flight = fetch, likely, in_flight
        self._proven = proven

    def pages(self, windows: Sequence[Window]) -> Iterator[tuple[Window, A]]:
        """The answer of every window, or of its parts; some come twice.

        At most `in_flight` requests are under way, and as many answers wait for the caller. Raises
        `WindowFullError` for a millisecond that cannot be read whole.
        """
        fullest: tuple[Window, A] | None = None
        as_full = list[Window]()
        for window, answer in self._read(windows):
            yield window, answer
            if fullest is None or answer.rows > fullest[1].rows:
                fullest, as_full = (window, answer), []
            elif answer.rows == fullest[1].rows:
                as_full.append(window)
        if fullest is None or fullest[1].rows <= self._proven or self.cap < LIMIT:
            return
        window, answer = fullest
        inside = sorted(_inside(window, answer))
        if not inside or inside[0] == inside[-1]:
            return
        # Half-way between two moments: the millisecond to spare finds nothing.
        after = bisect_left(inside, max(inside[len(inside) // 2], inside[0] + 1))
        parts = _cut(window, [(inside[after - 1] + inside[after]) // 2 + 1])
        found = [(part, self._fetch_window(part)) for part in parts]
        if sum(len(_inside(part, answer)) for part, answer in found) <= len(inside):
            return
        self.cap = answer.rows
        yield from self._split([*found, *((window, answer) for window in as_full)])

    def _read(self, windows: Sequence[Window]) -> Iterator[tuple[Window, A]]:
        waiting, running = deque(windows), dict[Future[A], Window]()
        with ThreadPoolExecutor(self._in_flight, thread_name_prefix="drift") as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < self._in_flight:
                        window = waiting.popleft()
                        running[pool.submit(self._fetch_window, window)] = window
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        window, answer = running.pop(future), future.result()
                        if answer.rows > self.cap:
                            self.cap = LIMIT  # it was none
                        if answer.rows >= self.cap:
                            waiting.extend(_halves(window, answer, self._likely))
                        else:
                            yield window, answer
            finally:
                pool.shutdown(cancel_futures=True)

    def _split(self, answered: Sequence[tuple[Window, A]]) -> Iterator[tuple[Window, A]]:
        """These answers, as far as they are shorter than the cap, and the others in halves."""
        cut = list[Window]()
        for window, answer in answered:
            if answer.rows >= self.cap:
                cut += _halves(window, answer, self._likely)
            else:
                yield window, answer
        yield from self._read(cut)

    def _fetch_window(self, window: Window) -> A:
        return self._fetch(max(window.first - 1, 0), window.last + 1)


def _inside(window: Window, answer: Answer) -> list[int]:
    return [at for at in answer.slot_starts if window.first <= at <= window.last]


def _halves(window: Window, answer: Answer, likely: Window) -> list[Window]:
    """Two windows that make up this one, with as much of what is likely in each."""
    starts = _inside(window, answer) or answer.slot_starts
    if window.first == window.last or not starts:
        when = "Without a start"
        if starts:
            at = from_milliseconds(min(starts)).isoformat(timespec="milliseconds")
            when = f"At {at} alone"
        raise WindowFullError(
            f"{when} Drift answers with {answer.rows} meetings, as many as it ever does: there may"
            " be more, and no narrower time to ask for."
        )
    first, last = max(window.first, likely.first), min(window.last, likely.last)
    if first >= last:
        first, last = window.first, window.last
    return _cut(window, [(first + last) // 2 + 1])


def _cut(window: Window, starts: Sequence[int]) -> list[Window]:
    """The window cut so that a new one begins at each of `starts`."""
    inside = sorted({start for start in starts if window.first < start <= window.last})
    firsts = [window.first, *inside]
    lasts = [*(first - 1 for first in firsts[1:]), window.last]
    return [Window(first, last) for first, last in zip(firsts, lasts, strict=True)]


def windows_between(cuts: Sequence[int]) -> list[Window]:
    """All of time, with a new window at each of `cuts` (ascending, epoch milliseconds)."""
    return _cut(Window(0, FAR_MS - 1), cuts)


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
