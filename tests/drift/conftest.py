"""A Drift whose clock stands still, and a client that loses no time between its attempts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import hypothesis
import pytest

from drift.api import LIMIT
from drift.client import DriftClient
from drift.decode import Page
from drift.meetings import fetch_meetings
from drift.reading import Reading
from drift.windows import CompleteRead, Window, windows_between
from tests.hostile import HostileDrift

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("patient")

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
NOW_MS = 1_780_300_800_000
HOUR, DAY = 3_600_000, 86_400_000
LAST = 15_000_000_000_000 - 1
"""The end of every read, in 2445."""
LIKELY = Window(NOW_MS - 30 * DAY, NOW_MS + 366 * DAY)

ATTEMPTS = 3

Open = Callable[..., HostileDrift]
Read = list[tuple[Window, Page]]


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings = {
        "REQUEST_MAX_ATTEMPTS": str(ATTEMPTS),
        "REQUEST_BACKOFF_FACTOR": "0.01",
        "REQUEST_TIMEOUT": "5",
        "DLTHUB_TELEMETRY": "false",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"RUNTIME__{name}", value)
    context: Any = dlt.current.run_context()  # it remembers what it read
    context.reset_config()
    yield
    monkeypatch.undo()
    context.reset_config()


@pytest.fixture
def served() -> Iterator[Open]:
    """Opens a fake Drift whose clock stands at NOW, and closes it after the test."""
    with ExitStack() as opened:

        def open_one(meetings: Any = (), **options: Any) -> HostileDrift:
            options = {"clock": lambda: NOW, **options}
            return opened.enter_context(HostileDrift(meetings, **options))

        yield open_one


def client_of(server: HostileDrift, *, max_connections: int = 4) -> DriftClient:
    return DriftClient(server.url, server.token, max_connections=max_connections)


def complete_read(
    server: HostileDrift, *, cap: int = LIMIT, proven: int = 0, in_flight: int = 4
) -> CompleteRead[Page]:
    """A read of the server as a run makes it; it refuses to go on for ever."""
    fetch = fetch_meetings(Reading(client_of(server, max_connections=in_flight)))

    def bounded(first: int, last: int) -> Page:
        assert len(server.requests) < 400, "the read does not come to an end"
        return fetch(first, last)

    return CompleteRead(bounded, LIKELY, cap=cap, proven=proven, in_flight=in_flight)


def read(server: HostileDrift, cuts: Sequence[int] = (), *, in_flight: int = 4) -> Read:
    """Everything that the server has; with `cuts`, as a run that is not the first."""
    proven = LIMIT if cuts else 0
    return list(
        complete_read(server, proven=proven, in_flight=in_flight).pages(windows_between(cuts))
    )


def asked(server: HostileDrift) -> list[tuple[int, int, int]]:
    """`min_start_time`, `max_start_time` and `limit` of each request, in their order."""
    names = ("min_start_time", "max_start_time", "limit")
    return [tuple(int(one.query[name]) for name in names) for one in server.requests]  # type: ignore[misc]


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
