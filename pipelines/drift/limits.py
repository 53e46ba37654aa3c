"""What requests may take: time and bytes, and how many may be under way."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Final, TypeVar
from urllib.parse import urlsplit

from requests import Response, Timeout

from .errors import DriftError, OutOfTimeError

T = TypeVar("T")

MOST_BYTES: Final = 64 * 2**20
"""The most that an answer may hold once it is unpacked: 1,000 meetings hold one or two."""


class Budget:
    """The time that some requests have together, in seconds; `name` says what they are for.

    With `idle`, it is over early: once that long has passed without a good answer.
    """

    def __init__(
        self, seconds: float, name: str, *, within: "Budget | None" = None, idle: float = inf
    ) -> None:
        self._over = f"The time for {name} is over."
        self._good_at = monotonic()
        self._until = self._good_at + min(seconds, within.left() if within else inf)
        self._idle = idle

    def left(self) -> float:
        """Seconds; none, or fewer, where it is over."""
        return min(self._until, self._good_at + self._idle) - monotonic()

    def note_good_answer(self) -> None:
        self._good_at = monotonic()

    def check(self) -> None:
        """Raises `OutOfTimeError` where it is over."""
        if self.left() <= 0:
            raise OutOfTimeError(self._over)

    @property
    def is_spent(self) -> bool:
        """Whether it is over, and not for want of good answers."""
        return monotonic() >= self._until


class Throttle:
    """How many requests may be under way: half as many from each time that Drift says too many,
    and one more for each round of good answers."""

    def __init__(self, most: int) -> None:
        self._most = self._allowed = float(most)
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, budget: Budget) -> Iterator[None]:
        """A place for one request. Raises `OutOfTimeError` where none is free in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken < int(self._allowed), budget.left())
            budget.check()
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()

    def halve(self) -> None:
        with self._changed:
            self._allowed = max(1.0, self._allowed / 2)

    def recover(self) -> None:
        with self._changed:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)
            self._changed.notify()


def in_time(seconds: float, function: Callable[[], T]) -> T:
    """What a function returns. Raises `requests.Timeout` where that takes longer.

    The limits of `requests` are those between two bytes. A function that is given up goes on in a
    thread of its own, which keeps no process from ending.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(function())
        except BaseException as fault:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(fault)

    threading.Thread(target=work, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError as late:
        raise Timeout from late


def read_body(response: Response, *_: object, **__: object) -> None:
    """A response hook that reads the body, as far as it is no longer than any answer can be."""
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) > MOST_BYTES:
            response.close()
            host = urlsplit(response.url).netloc
            raise DriftError(f"{host} sent an answer of over {MOST_BYTES >> 20} MB: no answer is.")
    vars(response)["_content"] = bytes(body)  # where it is taken from, as if read at once
