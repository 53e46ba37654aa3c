"""Which bounds Drift takes, and whether it does with them what the source relies on."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from .api import AHEAD_DAYS, FAR_MS, LAST_MS, SPANS_DAYS, VISIBLE_DAYS
from .errors import DriftError, InvalidError
from .values import from_milliseconds, to_milliseconds
from .windows import Answer, Fetch, Window, read_windows, windows_between

log = logging.getLogger(__name__)

A = TypeVar("A", bound=Answer)

DAY: Final = 86_400_000

SOME: Final = 5
"""Meetings in the wrong place that are no coincidence."""

ALIKE: Final = 3
"""Windows whose answers are as long as the longest: by their length alone, they may be cut."""

COMPARED: Final = 50
"""Answers of a read whose times are kept for the narrower ones: the first are the widest."""


@dataclass(frozen=True)
class Reach:
    """The times that a read asks for, and how many milliseconds at once (null: any number)."""

    first: int
    last: int
    span: int | None = None

    def windows(self, cuts: Sequence[int], done: Sequence[Window]) -> list[Window]:
        """What is not done yet, with a new window at each of `cuts` and wherever one is due."""
        if self.span:
            cuts = sorted({*cuts, *range(self.first, self.last, self.span)})
        windows, at = [], self.first
        for window in [*sorted(done), Window(self.last + 1, self.last + 1)]:
            if at < window.first:
                windows += windows_between(cuts, Window(at, window.first - 1))
            at = max(at, window.last + 1)
        return windows

    def __str__(self) -> str:
        days = f", {(self.span + 2) // DAY} days at once" if self.span else ""
        return f"from {_day(self.first)} to {_day(self.last)} was read{days}"


def reaches(now: datetime) -> list[Reach]:
    """What may be asked for, the best first."""
    ago = to_milliseconds(now - timedelta(days=VISIBLE_DAYS + 1))
    ahead = to_milliseconds(now + timedelta(days=AHEAD_DAYS))
    far = [Reach(0, LAST_MS), Reach(0, FAR_MS - 1), Reach(ago, FAR_MS - 1)]
    return far + [Reach(ago, ahead, days * DAY - 2) for days in SPANS_DAYS]


class Asking(Generic[A]):
    """A fetch that is watched: how long its longest answer was, and what bounds Drift takes.

    Where it `checks`, an answer that shows that Drift's bounds do not filter on slotStart raises
    `DriftError`.
    """

    def __init__(self, fetch: Fetch[A], *, number: int, checks: bool) -> None:
        self.number = number
        """The place of what Drift takes among `reaches`: where to begin."""
        self.longest = 0
        self.is_capped = False
        """Whether answers turned out to be cut at a length that was known to be whole."""
        self._fetch, self._checks = fetch, checks
        self._wide: list[tuple[int, int, Sequence[int]]] = []
        self._lock = threading.Lock()

    def __call__(self, first: int, last: int) -> A:
        answer = self._fetch(first, last)
        with self._lock:
            self.longest = max(self.longest, answer.rows)
            if self._checks:
                self._check(first, last, answer.slot_starts)
        return answer

    def read(
        self,
        now: Callable[[], datetime],
        cuts: Sequence[int],
        likely: Window,
        *,
        rows: int,
        whole: range,
        in_flight: int,
    ) -> Iterator[tuple[Window, A]]:
        """All that Drift shows, as `read_windows` has it. What bounds it refuses costs a request.

        `rows` are the meetings that windows were cut for. `now` is asked when an answer has come.
        Raises `InvalidError` if no bounds will do.
        """
        done: list[Window] = []
        lengths: dict[Window, tuple[int, int]] = {}
        if self.number > 1:  # where to begin depends on the time, and that is the server's to say
            self._fetch(likely.first, likely.first + 1)
        begun = self.number
        while True:
            windows = self.reach(now()).windows(cuts, done)
            pages = read_windows(self, windows, likely, whole=whole, in_flight=in_flight)
            try:
                for window, answer in pages:
                    done.append(window)
                    lengths[window] = answer.rows, _inside(window, answer)
                    yield window, answer
            except InvalidError:
                self.number += 1
                if self.number == len(reaches(now())):
                    raise
            else:
                if self.number > begun:
                    log.warning(f"Drift refuses wider bounds: what it shows {self.reach(now())}.")
                break
        longest = max(lengths.values(), default=(0, 0))[0]
        alike = [window for window, (length, _) in lengths.items() if length == longest]
        # Where little has changed, most are as long as they were cut to be.
        if longest not in whole or longest == rows or len(alike) < ALIKE:
            return
        for asked in alike[:1], alike[1:]:
            found = 0
            for window, answer in read_windows(
                self, asked, likely, whole=range(0), in_flight=in_flight
            ):
                found += _inside(window, answer)
                yield window, answer
            if found <= sum(lengths[window][1] for window in asked):
                return
            self.is_capped = True

    def reach(self, now: datetime) -> Reach:
        """What was asked for in the end."""
        return reaches(now)[self.number]

    def _check(self, first: int, last: int, starts: Sequence[int]) -> None:
        outside = [at for at in starts if not first - DAY <= at <= last + DAY]
        if len(outside) >= SOME:
            raise DriftError(
                f"Asked for meetings from {_day(first)} to {_day(last)}, Drift answers with"
                f" {len(outside):,} that start at other times, such as {_day(outside[0])}: its"
                " bounds do not filter on slotStart, so a read cannot be complete. Nothing was"
                " loaded."
            )
        if not any(first < at < last for at in starts):
            for from_, to, wide in self._wide:
                inside = sum(first < at < last for at in wide)
                if from_ <= first and last <= to and inside >= SOME:
                    raise DriftError(
                        f"Asked for meetings from {_day(first)} to {_day(last)}, Drift answers with"
                        f" none, and with {inside:,} of them when asked for {_day(from_)} to"
                        f" {_day(to)}: its bounds do not filter on slotStart, so a read cannot be"
                        " complete. Nothing was loaded."
                    )
        if len(self._wide) < COMPARED:
            self._wide.append((first, last, starts))


def _inside(window: Window, answer: Answer) -> int:
    """How many meetings of the answer start in its window."""
    return sum(window.first <= at <= window.last for at in answer.slot_starts)


def _day(at: int) -> str:
    return f"{from_milliseconds(at):%Y-%m-%d}"
