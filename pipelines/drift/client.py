"""One authorised GET: retried within bounds, decoded, or refused in a sentence."""

import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import responses
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers import requests
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from requests import RequestException
from requests import Response as HttpResponse
from requests.exceptions import ContentDecodingError

from .endpoints import Endpoint
from .errors import (
    BrokenAnswerError,
    DriftError,
    ForbiddenError,
    GoneError,
    InvalidError,
    RefusedError,
)

T = TypeVar("T")

RETRIED_STATUS = (429, *range(500, 600))


RETRIED_FAULTS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.ChunkedEncodingError,
    ContentDecodingError,
    BrokenAnswerError,
)


MOST_BYTES: Final = 64 * 2**20
"""The most that an answer may hold once it is unpacked: 1,000 meetings hold one or two."""


def _read(response: HttpResponse, *_: object, **__: object) -> None:
    """A response hook that reads the body, as far as it is no longer than any answer can be."""
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) > MOST_BYTES:
            response.close()
            host = urlsplit(response.url).netloc
            raise DriftError(f"{host} sent an answer of over {MOST_BYTES >> 20} MB: no answer is.")
    vars(response)["_content"] = bytes(body)  # where it is taken from, as if read at once


class _Decoded(Generic[T]):
    """A response hook that decodes the body, so that a broken one is retried like any fault."""

    value: T

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        self._decode = decode

    def __call__(self, response: HttpResponse, *_: object, **__: object) -> None:
        if response.status_code == 200:
            self.value = self._decode(response.content)


class Throttle:
    """How many requests may be under way: half as many from each time that Drift says too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._taken < self._most)
            self._taken += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify()

    def halve(self) -> None:
        with self._changed:
            self._most = max(1, self._most // 2)


class DriftClient:
    """Reads Drift, and only reads: every request is a GET with the token in its header.

    Faults (429, 5xx, connections lost, broken bodies) are retried by dlt's HTTP client, with
    exponential backoff and `Retry-After`, as often as dlt's `runtime.request_*` settings say. Each
    429 halves how many are under way at once, down to one.
    Redirects are not followed: the token goes to the configured host alone.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        max_connections: int = 4,
        quotes_drift: bool = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = access_token
        self._quotes_drift = quotes_drift  # else Drift's words, which may name people, stay out
        self.answers = 0
        """Answers received, refused and broken ones included."""
        self.first_date: datetime | None = None
        self.last_date: datetime | None = None
        """The server's clock: the earliest and the latest `Date` of its answers."""
        self.dated_at = 0.0
        """When the first of them came, by `monotonic`."""
        self._lock = threading.Lock()
        self._throttle = Throttle(max_connections)
        backoff = dlt.config.get("runtime.request_backoff_factor", float)
        if backoff is None:
            backoff = RuntimeConfiguration.request_backoff_factor
        self._client = requests.Client(
            raise_for_status=False,
            max_connections=max_connections,
            status_codes=RETRIED_STATUS,
            exceptions=RETRIED_FAULTS,
            # Runs that failed together must not come back together.
            request_backoff_factor=backoff * random.uniform(0.75, 1.25),  # noqa: S311
            session_attrs={"auth": BearerTokenAuth(access_token)},
        )

    def get(
        self,
        endpoint: Endpoint,
        decode: Callable[[bytes], T],
        params: Mapping[str, Any] | None = None,
        **ids: int,
    ) -> T:
        """What `decode` makes of the answer's body. `ids` go into the endpoint's path.

        `decode` raises `BrokenAnswerError` for a body that is not a whole answer; it is called in
        the thread that asks. Raises `RefusedError` for 4xx and redirects, `DriftError` when the
        retries are used up.
        """
        decoded, path = _Decoded(decode), endpoint.path.format(**ids)
        try:
            with self._throttle:
                response = self._client.get(
                    self.base_url + path,
                    params=params,
                    allow_redirects=False,
                    stream=True,
                    hooks={"response": [self._note, _read, decoded]},
                )
        except RequestException as fault:
            raise DriftError(f"{self._host} could not be read: {_reason(fault)}.") from fault
        if response.status_code == 200:
            return decoded.value
        raise self._refusal(endpoint.scope, path, response)

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _note(self, response: HttpResponse, *_: object, **__: object) -> None:
        if response.status_code == 429:
            self._throttle.halve()
        with self._lock:
            self.answers += 1
            try:
                moment = parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
            except ValueError:
                return
            if self.first_date is None:
                self.dated_at = monotonic()
            self.first_date = min(moment, self.first_date or moment)
            self.last_date = max(moment, self.last_date or moment)

    def _refusal(self, scope: str | None, path: str, response: HttpResponse) -> DriftError:
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
            return DriftError(f"{self._host} kept answering {status}: {said}.")
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
        return " ".join(str(error["message"]).split()).rstrip(".") or str(response.reason)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
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
