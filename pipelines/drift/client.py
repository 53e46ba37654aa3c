"""One authorised request: retried within bounds, decoded, or refused in a sentence."""

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import responses
from math import ceil
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers import requests
from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS, DEFAULT_RETRY_STATUS
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from requests import RequestException, Response, Session
from requests.exceptions import ContentDecodingError

from .api import (
    MEETINGS,
    DriftError,
    Endpoint,
    ForbiddenError,
    GoneError,
    OutOfTimeError,
    RefusedError,
)
from .values import BrokenAnswerError, clean_text

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRIED_FAULTS: Final = (
    *DEFAULT_RETRY_EXCEPTIONS,
    ContentDecodingError,
    BrokenAnswerError,
)

MOST_BYTES: Final = 64 * 2**20
"""The most that an answer may hold once it is unpacked: 1,000 meetings hold one or two."""

CONNECT_SECONDS: Final = 5.0
DEAD_SECONDS: Final = 20.0
"""How long a host is tried that nobody can connect to."""

SHOWN_WAIT: Final = 0.5
"""Seconds from which a wait has a line of its own in the log."""

LONGEST_WORDS: Final = 300
"""Characters of Drift's words that are repeated."""

SECOND: Final = timedelta(seconds=1)

TOLERATED: Final = timedelta(minutes=5)
"""How far apart two clocks may be."""

WITNESSES: Final = 3
"""The answers of a run that say what the time is."""


class Budget:
    """The time that some requests have together, in seconds; `name` says what they are for."""

    def __init__(self, seconds: float, name: str) -> None:
        self.over = f"The time for {name} is over."
        self._until = monotonic() + seconds

    def part(self, seconds: float, name: str) -> "Budget":
        """So many of these seconds for something, or what is left."""
        return Budget(min(seconds, self.left()), name)

    def left(self) -> float:
        """Seconds; none, or fewer, where it is over."""
        return self._until - monotonic()

    def check(self) -> None:
        """Raises `OutOfTimeError` where it is over."""
        if self.left() <= 0:
            raise OutOfTimeError(self.over)


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


class ServerClock:
    """How far Drift's clock is ahead of the one here, as the `Date` of the first answers says."""

    def __init__(self, now: datetime) -> None:
        self.began, self._at = now, monotonic()
        self._ahead: list[timedelta] = []

    def note(self, date: str) -> None:
        """Takes a header's value, if it is a time."""
        here = self.began + timedelta(seconds=monotonic() - self._at)
        if len(self._ahead) < WITNESSES:
            with suppress(ValueError, OverflowError):
                self._ahead.append(parsedate_to_datetime(date).astimezone(UTC) - here)

    @property
    def is_settled(self) -> bool:
        """Whether more answers would change nothing: two agree, or the first and this machine."""
        return (
            not self._ahead
            or abs(self._ahead[0]) <= TOLERATED
            or len(self._ahead) == WITNESSES
            or self.ahead() != timedelta()
        )

    def ahead(self) -> timedelta:
        """By how much two answers agree that it is ahead; nothing if it is about right here."""
        for one in self._ahead:
            if sum(abs(one - other) <= TOLERATED for other in self._ahead) > 1:
                is_far = abs(one) > TOLERATED
                return timedelta(seconds=round(one.total_seconds() * is_far))
        return timedelta()


@dataclass
class _Asked(Generic[T]):
    """A request under way, its tries together."""

    decode: Callable[[bytes], T]
    budget: Budget
    began: float = 0.0
    until: float = 0.0
    """When the try under way has taken too long."""
    tries: int = 0
    value: T | None = None
    broken: BrokenAnswerError | None = None
    no_time: str = ""
    """A sentence, where there is no time for another try."""


class DriftClient:
    """Reads Drift, and only reads: every request is a GET, or the query of a report.

    dlt's client tries again what fails (429, 5xx, connections lost, broken bodies), as often as
    its `runtime.request_max_attempts` says, after a `Retry-After` or with exponential backoff.
    `runtime.request_timeout` is the most that one try takes. Redirects are not followed: the token
    goes to the configured host alone. Raises `ValueError` for a token that no header can carry.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        max_connections: int = 4,
        deadline_seconds: float = 3600.0,
        quotes_drift: bool = True,
    ) -> None:
        if not (access_token.isascii() and access_token.isprintable()):
            raise ValueError("access_token holds no token that a header can carry")
        self.base_url = base_url.rstrip("/")
        self.in_flight = max_connections
        self.answers = 0
        """Answers received, refused and broken ones included."""
        self._token = access_token
        self._quotes_drift = quotes_drift  # else Drift's words, which may name people, stay out
        self._host = urlsplit(self.base_url).netloc
        self._lock, self._thread = threading.Lock(), threading.local()
        self._throttle = Throttle(max_connections)
        self._deadline_seconds = deadline_seconds
        self._said_at = -1.0
        self._config = config = resolve_configuration(RuntimeConfiguration())
        self._try_seconds = CONNECT_SECONDS + 1.1 * float(config.request_timeout)
        # What the environment says of proxies: `requests` would work it out for each request.
        asked = Session().merge_environment_settings(base_url, {}, None, None, None)
        self._requests = requests.Client(
            request_timeout=(min(CONNECT_SECONDS, config.request_timeout), config.request_timeout),
            max_connections=2 * max_connections,
            raise_for_status=False,
            status_codes=(),
            exceptions=(),
            retry_condition=self._is_tried_again,
            request_max_attempts=config.request_max_attempts,
            request_backoff_factor=config.request_backoff_factor,
            request_max_retry_delay=config.request_max_retry_delay,
            session_attrs={
                "auth": BearerTokenAuth(access_token),
                "trust_env": False,
                "proxies": asked["proxies"],
                "verify": asked["verify"],
            },
        )
        self.begin(datetime.now(UTC))

    def begin(self, now: datetime) -> None:
        """The run's deadline counts from here, which is `now` by the clock here."""
        self.clock = ServerClock(now)
        self.budget = Budget(self._deadline_seconds, "this run (sources.drift.deadline_seconds)")

    def started_at(self) -> datetime:
        """When the run began: by Drift's clock, where answers agree that it differs from the one
        here."""
        while not self.clock.is_settled:
            with suppress(RefusedError):  # an answer like any other
                self.get(MEETINGS, bytes, {"min_start_time": 0, "max_start_time": 1, "limit": 1})
        ahead = self.clock.ahead()
        started_at = self.clock.began + ahead
        if ahead:
            way = "behind" if ahead > timedelta() else "ahead of"
            log.warning(
                f"The clock here is {abs(ahead) // SECOND * SECOND} {way} Drift's: the run goes by"
                f" Drift's, {started_at:%Y-%m-%d %H:%M} UTC."
            )
        return started_at

    def get(
        self,
        endpoint: Endpoint,
        decode: Callable[[bytes], T],
        params: Mapping[str, Any] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        budget: Budget | None = None,
        **ids: int,
    ) -> T:
        """What `decode` makes of the answer's body. `ids` go into the endpoint's path.

        `decode` raises `BrokenAnswerError` for a body that is not a whole answer; it is called in
        a thread of its own. Raises `RefusedError` for 4xx and redirects, `OutOfTimeError` when
        the budget (else the run's) is spent, `DriftError` when the tries are used up.
        """
        budget, path = budget or self.budget, endpoint.path.format(**ids)

        asked = _Asked(decode, budget)

        def ask() -> Response:
            self._thread.asked = asked
            return self._requests.session.request(
                endpoint.method,
                self.base_url + path,
                params=params,
                json=body,
                allow_redirects=False,
                hooks={"response": [self._note, self._read_body]},
            )

        try:
            with self._throttle.slot(budget):
                asked.began = monotonic()
                asked.until = asked.began + self._try_seconds
                response = _in_time(asked, ask)
            if asked.broken:
                raise asked.broken
        except RequestException as fault:
            budget.check()
            raise DriftError(
                f"{self._host} could not be read: {_reason(fault)}.{asked.no_time}"
            ) from fault
        if response.status_code != 200:
            raise self._refusal(endpoint.scope, path, response, asked.no_time)
        return asked.value  # type: ignore[return-value]

    def _is_tried_again(self, response: Response | None, fault: BaseException | None) -> bool:
        """Whether dlt's client asks again. It tells each answer and each fault."""
        asked: _Asked[Any] = self._thread.asked
        asked.tries += 1
        asked.broken = None
        if response is not None and response.status_code == 200:
            try:
                asked.value = asked.decode(response.content)
            except BrokenAnswerError as broken:
                fault = asked.broken = broken
        if not isinstance(fault, RETRIED_FAULTS) and (
            response is None or response.status_code not in DEFAULT_RETRY_STATUS
        ):
            self._throttle.recover()
            return False
        wait, left = self._wait(response, asked.tries), asked.budget.left()
        is_dead = isinstance(fault, requests.ConnectionError) and not self.answers
        if asked.tries >= self._config.request_max_attempts or (
            is_dead and monotonic() - asked.began + wait >= DEAD_SECONDS
        ):
            return False
        if wait >= left:
            asked.no_time = f" The next try would be in {wait:.1f} s, and {left:.1f} s are left."
            return False
        status = response.status_code if response is not None else "nothing"
        reason = f"could not be read: {_reason(fault)}" if fault else f"answered {status}"
        asked.until = monotonic() + wait + self._try_seconds
        self._say(reason, wait, asked.tries)
        return True

    def _wait(self, response: Response | None, tries: int) -> float:
        """How long dlt's client waits before the next try."""
        most = float(self._config.request_max_retry_delay)
        after = response.headers.get("Retry-After") if response is not None else None
        if after:
            return min(most, float(after))
        return min(most, self._config.request_backoff_factor * 2.0 ** (tries - 1))

    def _say(self, reason: str, wait: float, tries: int) -> None:
        """Says what is waited for: requests that wait together say it once."""
        is_shown = wait >= SHOWN_WAIT
        with self._lock:
            if is_shown and monotonic() - self._said_at < 1:
                return
            self._said_at = monotonic() if is_shown else self._said_at
        log.log(
            logging.WARNING if is_shown else logging.INFO,
            f"{self._host} {reason}; attempt {tries + 1} of {self._config.request_max_attempts}"
            f" follows in {wait:.1f} s",
            extra={"passing": not is_shown},
        )

    def _note(self, response: Response, *_: object, **__: object) -> None:
        if response.status_code == 429:
            self._throttle.halve()
        after = _seconds(response.headers.pop("Retry-After", ""))
        if after > 0:
            response.headers["Retry-After"] = str(after)  # dlt's client fails on odder ones
        with self._lock:
            self.answers += 1
            self.clock.note(response.headers.get("Date", ""))

    def _read_body(self, response: Response, *_: object, **__: object) -> None:
        """Reads the body, as far as it is no longer than any answer can be."""
        body = bytearray()
        for chunk in response.iter_content(1 << 16):
            body += chunk
            if len(body) > MOST_BYTES:
                response.close()
                size = f"{MOST_BYTES >> 20} MB"
                raise DriftError(f"{self._host} sent an answer of over {size}: no answer is.")
        vars(response)["_content"] = bytes(body)  # where it is taken from, as if read at once

    def _refusal(
        self, scope: str | None, path: str, response: Response, no_time: str
    ) -> DriftError:
        status = response.status_code
        said, target = responses.get(status, "no message"), "another address"
        if self._quotes_drift:
            said = self._shown(_message(response))
            target = self._shown(response.headers.get("Location", "nowhere"))
        if status in (401, 403):
            return ForbiddenError(f"Drift refused the access token ({status}): {said}.", scope)
        if 300 <= status < 400:
            return RefusedError(
                f"{self._host} redirects to {target}, which is not followed: set "
                "sources.drift.base_url to the address that answers."
            )
        if status in DEFAULT_RETRY_STATUS:
            return DriftError(f"{self._host} kept answering {status}: {said}.{no_time}")
        kind = GoneError if status in (204, 404, 410) else RefusedError
        return kind(f"Drift refused the request to {path} ({status}): {said}.")

    def _shown(self, words: str) -> str:
        """Words of Drift's on one short line, without the token."""
        words = " ".join(clean_text(words).replace(self._token or "\0", "***").split())
        words = "".join(one if one.isprintable() else "?" for one in words)
        short = words if len(words) <= LONGEST_WORDS else words[:LONGEST_WORDS] + "…"
        return short.rstrip(".")


def _in_time(asked: _Asked[Any], function: Callable[[], T]) -> T:
    """What a function returns. Raises `requests.Timeout` once the budget is spent, or a try has
    taken too long: the limits of `requests` are those between two bytes.

    A function that is given up goes on in a thread of its own, which keeps no process from ending.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(function())
        except BaseException as fault:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(fault)

    threading.Thread(target=work, daemon=True).start()
    while True:
        left = min(asked.budget.left(), asked.until - monotonic())
        if not outcome.done() and left <= 0:
            raise requests.Timeout
        with suppress(TimeoutError):
            return outcome.result(max(0.0, left))


def _seconds(after: str) -> int:
    """A `Retry-After`, a number or a date; 0 where it is neither."""
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", after):
        return int(after)
    with suppress(ValueError, OverflowError):
        return ceil((parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
    return 0


def _message(response: Response) -> str:
    """Drift's own words, from either of its documented error bodies; else the status's name."""
    try:
        body = response.json()
        error = body.get("error") or body["errors"][0]
        return str(error["message"]).strip() or str(response.reason)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return str(response.reason or "no message")


def _reason(fault: BaseException) -> str:
    """The innermost cause, in its own words and without addresses of objects."""
    if isinstance(fault, requests.Timeout):
        return "no answer in time"
    if isinstance(fault, BrokenAnswerError):
        return str(fault).rstrip(".")
    cause: BaseException = fault
    while (inner := cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)) and (
        isinstance(inner, BaseException)
    ):
        cause = inner
    return (str(cause) or type(cause).__name__).rstrip(".")
