"""One authorised request: retried within bounds, decoded, or refused in a sentence."""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from http.client import responses
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers import requests
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from requests import Request, RequestException, Session
from requests import Response as HttpResponse
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    wait_exponential,
)
from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from .endpoints import Endpoint
from .errors import (
    BrokenAnswerError,
    DriftError,
    ForbiddenError,
    GoneError,
    InvalidError,
    RefusedError,
)
from .limits import Budget, Throttle, in_time, read_body
from .server_clock import ServerClock
from .values import clean_text

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRIED_STATUS = (429, *range(500, 600))
RETRIED_FAULTS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.ChunkedEncodingError,
    ContentDecodingError,
    BrokenAnswerError,
)

SHOWN_WAIT: Final = 0.5
"""Seconds from which a wait has a line of its own in the log."""


class DriftClient:
    """Reads Drift, and only reads: every request is a GET, or the query of a report.

    Faults (429, 5xx, connections lost, broken bodies) are tried again as often as dlt's
    `runtime.request_max_attempts` says, after a `Retry-After` or with exponential backoff; nothing
    is under way meanwhile. `runtime.request_timeout` is the most that one attempt takes.
    Redirects are not followed: the token goes to the configured host alone.
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
        self.base_url = base_url.rstrip("/")
        self._token = access_token
        self._quotes_drift = quotes_drift  # else Drift's words, which may name people, stay out
        self.answers = 0
        """Answers received, refused and broken ones included."""
        self.clock = ServerClock()
        self._lock = threading.Lock()
        self._throttle = Throttle(max_connections)
        self._deadline_seconds = deadline_seconds
        self.begin()
        self._said_at = -1.0
        config = resolve_configuration(RuntimeConfiguration())
        self._timeout, self._attempts = config.request_timeout, config.request_max_attempts
        self._backoff = wait_exponential(
            # Runs that failed together must not come back together.
            multiplier=config.request_backoff_factor * random.uniform(0.75, 1.25),  # noqa: S311
            max=config.request_max_retry_delay,
        )
        self._session = Session()
        self._session.auth = BearerTokenAuth(access_token)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=2 * max_connections))
        # What the environment says of proxies: `requests` would work it out for each request.
        self._environment = self._session.merge_environment_settings(base_url, {}, True, None, None)

    def begin(self) -> None:
        """The run's deadline counts from here."""
        self.budget = Budget(self._deadline_seconds, "this run (sources.drift.deadline_seconds)")

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
        the thread that asks. Raises `RefusedError` for 4xx and redirects, `OutOfTimeError` when
        the budget (else the run's) is spent, `DriftError` when the retries are used up.
        """
        budget, path, decoded = budget or self.budget, endpoint.path.format(**ids), list[T]()
        request = self._session.prepare_request(
            Request(
                endpoint.method,
                self.base_url + path,
                params=params,
                json=body,
                hooks={"response": [self._note, read_body]},
            )
        )

        def attempt() -> HttpResponse:
            with self._throttle.slot(budget):
                response = in_time(
                    min(self._timeout, budget.left()),
                    lambda: self._session.send(
                        request,
                        timeout=self._timeout,
                        allow_redirects=False,
                        **self._environment,
                    ),
                )
            if response.status_code == 200:
                decoded.append(decode(response.content))
            if response.status_code not in RETRIED_STATUS:
                budget.note_good_answer()
                self._throttle.recover()
            return response

        response, too_long = self._persist(attempt, budget)
        if response.status_code == 200:
            return decoded[-1]
        raise self._refusal(endpoint.scope, path, response, too_long)

    def _persist(
        self, attempt: Callable[[], HttpResponse], budget: Budget
    ) -> tuple[HttpResponse, str]:
        """The first answer that is not to be tried again, or the last; and, where there was no time
        for another try, a sentence that says so."""
        too_long = ""

        def is_over(state: RetryCallState) -> bool:
            nonlocal too_long
            is_last = state.attempt_number >= self._attempts
            wait, left = state.upcoming_sleep, max(0.0, budget.left())
            if not is_last and wait >= left:
                too_long = f" The next try would be in {wait:.1f} s, and {left:.1f} s are left."
            return is_last or wait >= left

        retrying = Retrying(
            retry=retry_if_exception_type(RETRIED_FAULTS)
            | retry_if_result(lambda response: response.status_code in RETRIED_STATUS),
            wait=self._wait,
            stop=is_over,
            before_sleep=self._say,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        try:
            return retrying(attempt), too_long
        except RequestException as fault:
            if budget.is_spent:
                budget.check()
            reason = _reason(fault)
            raise DriftError(f"{self._host} could not be read: {reason}.{too_long}") from fault

    def _wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt: as many as the answer asks for, else more each time."""
        if state.outcome and not state.outcome.failed:
            try:
                asked = state.outcome.result().headers.get("Retry-After", "0")
                if seconds := Retry().parse_retry_after(asked):
                    return seconds
            except (InvalidHeader, ValueError, OverflowError):  # more than a number or a date holds
                pass
        return self._backoff(state)

    def _say(self, state: RetryCallState) -> None:
        """Says what is waited for: requests that wait together say it once."""
        wait, outcome, now = state.upcoming_sleep, state.outcome, monotonic()
        with self._lock:
            if wait >= SHOWN_WAIT:
                if now - self._said_at < 1:
                    return
                self._said_at = now
        fault = outcome.exception() if outcome else None
        if isinstance(fault, RequestException):
            reason = f"could not be read: {_reason(fault)}"
        else:
            reason = f"answered {outcome.result().status_code if outcome else 'nothing'}"
        log.log(
            logging.WARNING if wait >= SHOWN_WAIT else logging.INFO,
            f"{self._host} {reason}; attempt {state.attempt_number + 1} of {self._attempts} follows"
            f" in {wait:.1f} s",
            extra={"passing": wait < SHOWN_WAIT},
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _note(self, response: HttpResponse, *_: object, **__: object) -> None:
        if response.status_code == 429:
            self._throttle.halve()
        with self._lock:
            self.answers += 1
            self.clock.note(response.headers.get("Date", ""))

    def _refusal(
        self, scope: str | None, path: str, response: HttpResponse, too_long: str
    ) -> DriftError:
        status = response.status_code
        said = responses.get(status, "no message")
        target = "another address"
        if self._quotes_drift:
            said = _message(response).replace(self._token, "***")
            target = response.headers.get("Location", "nowhere")
        if status in (401, 403):
            needs = f" It needs the scope {scope}." if scope else ""
            return ForbiddenError(f"Drift refused the access token ({status}): {said}.{needs}")
        if 300 <= status < 400:
            return RefusedError(
                f"{self._host} redirects to {target}, which is not followed: set "
                "sources.drift.base_url to the address that answers."
            )
        if status in RETRIED_STATUS:
            return DriftError(f"{self._host} kept answering {status}: {said}.{too_long}")
        kinds = {
            204: GoneError,
            400: InvalidError,
            404: GoneError,
            410: GoneError,
            422: InvalidError,
        }
        return kinds.get(status, RefusedError)(
            f"Drift refused the request to {path} ({status}): {said}."
        )


def _message(response: HttpResponse) -> str:
    """Drift's own words, from either of its documented error bodies; else the status's name."""
    try:
        body = response.json()
        error = body.get("error") or body["errors"][0]
        said = clean_text(" ".join(str(error["message"]).split()))
        return said.rstrip(".") or str(response.reason)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return str(response.reason or "no message")


def _reason(fault: RequestException) -> str:
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
