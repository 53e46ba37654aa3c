"""One request: what it carries, what is tried again, and how its failure reads."""

import gzip
import logging
import re
import resource
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any

import dlt
import pytest

from drift import api, drift_source
from drift.api import DriftError, OutOfTimeError, RefusedError
from drift.client import Budget, DriftClient, Throttle
from drift.decode import decode_page
from drift.meetings import fetch_meetings
from drift.reading import Reading
from tests.conftest import wait_until
from tests.drift.conftest import ATTEMPTS, NOW, NOW_MS, Open, asked, client_of
from tests.hostile import Fault

TOKEN = "a-token-to-keep"
PATH = "/users/meetings/org"
MEETINGS = [{"slug": "a", "slotStart": NOW_MS}, {"slug": "b", "slotStart": NOW_MS + 1}]

Answer = tuple[int, dict[str, str], bytes]
Scripted = Callable[..., "Script"]


class Script:
    """A server that gives the same answers in their order, the last one over and over."""

    def __init__(self, *answers: Answer) -> None:
        self.heard: list[dict[str, str]] = []
        """The headers of each request, names in lower case."""
        self.paths: list[str] = []
        script, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    script.paths.append(self.path)
                    script.heard.append({k.lower(): v for k, v in self.headers.items()})
                    status, headers, body = answers[min(len(script.heard), len(answers)) - 1]
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> "Script":
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Opens a server that gives the answers it is told, and closes it after the test."""
    with ExitStack() as opened:
        yield lambda *answers: opened.enter_context(Script(*answers))


def settings(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"RUNTIME__{name.upper()}", str(value))
    context: Any = dlt.current.run_context()
    context.reset_config()


def slugs(client: DriftClient) -> list[str]:
    read: list[str] = fetch_meetings(Reading(client))(0, NOW_MS + 10).meetings["slug"].to_pylist()
    return read


def failure(url: str) -> str:
    """What a request that fails for good says, and that this is one sentence without the token."""
    with pytest.raises(DriftError) as caught:
        slugs(DriftClient(url, TOKEN))
    sentence = str(caught.value)
    assert TOKEN not in sentence
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert "\n" not in sentence
    assert " 0x" not in sentence
    return sentence


def first(count: int, fault: Fault) -> Callable[[int, str], Fault | None]:
    return lambda number, _: fault if number < count else None


# --- what a request carries


def test_a_request_carries_the_token_and_the_bounds_and_the_limit(served: Open) -> None:
    server = served(MEETINGS)
    client = client_of(server)
    assert slugs(client) == ["a", "b"]
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", PATH)
    assert asked(server) == [(0, NOW_MS + 10, 1000)]
    assert request.headers["authorization"] == "Bearer demo-token"
    assert client.answers == 1


def test_an_entry_in_netrc_does_not_take_the_tokens_place(
    served: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = served(MEETINGS)
    assert slugs(client_of(server)) == ["a", "b"]
    assert server.requests[0].headers["authorization"] == "Bearer demo-token"


def test_a_slash_at_the_end_of_the_address_is_left_out(scripted: Scripted) -> None:
    server = scripted((200, {}, b'{"data":[]}'))
    assert slugs(DriftClient(f"{server.url}/api/", TOKEN)) == []
    assert [path.partition("?")[0] for path in server.paths] == [f"/api{PATH}"]


def test_a_compressed_answer_is_asked_for_and_read(served: Open, scripted: Scripted) -> None:
    server = served(MEETINGS, gzip=True)
    assert slugs(client_of(server)) == ["a", "b"]
    assert "gzip" in server.requests[0].headers["accept-encoding"]
    packed = gzip.compress(b'{"data":[{"slug":"packed"}]}')
    assert slugs(DriftClient(scripted((200, {"Content-Encoding": "gzip"}, packed)).url, "")) == [
        "packed"
    ]


# --- what is tried again

FAULTS = {
    "429": Fault("rate_limited"),
    "429 with an instant to wait": Fault("rate_limited", retry_after=0),
    "429 with a wait that is no time": Fault("rate_limited", retry_after="soon"),
    "429 with a wait of too many digits": Fault("rate_limited", retry_after="9" * 5_000),
    "429 with a wait until a year too far": Fault(
        "rate_limited", retry_after="Fri, 31 Dec 99999 23:59:59 GMT"
    ),
    "500 with HTML": Fault("server_error"),
    "500 without a body": Fault("server_error", html=False),
    "502": Fault("server_error", status=502),
    "503": Fault("server_error", status=503, html=False),
    "504": Fault("server_error", status=504),
    "a reset": Fault("reset"),
    "a connection that closes without an answer": Fault("hang", seconds=0.05),
    "a body cut short": Fault("cut_body"),
    "a body cut short without a length": Fault("cut_unannounced"),
    "broken JSON": Fault("broken_json"),
    "an error with status 200": Fault("error_with_200"),
    "an empty body with status 200": Fault("empty_200"),
}
UNANSWERED = ("a reset", "a connection that closes without an answer")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_tried_again_until_the_answer_is_whole(served: Open, fault: str) -> None:
    server = served(MEETINGS, faults=first(ATTEMPTS - 1, FAULTS[fault]))
    client = client_of(server)
    assert slugs(client) == ["a", "b"]
    assert [(one.method, one.query) for one in server.requests] == [
        ("GET", server.requests[0].query)
    ] * ATTEMPTS
    assert client.answers == (1 if fault in UNANSWERED else ATTEMPTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_a_sentence_after_so_many_attempts(served: Open, fault: str) -> None:
    server = served(MEETINGS, token=TOKEN, faults=first(99, FAULTS[fault]))
    host = f"127.0.0.1:{server.port}"
    sentence = failure(server.url)
    assert len(server.requests) == ATTEMPTS
    whole = {
        "429": f"{host} kept answering 429: Too many requests.",
        "500 with HTML": f"{host} kept answering 500: Internal Server Error.",
        "503": f"{host} kept answering 503: Service Unavailable.",
        "a reset": f"{host} could not be read: [Errno 104] Connection reset by peer.",
    }
    assert sentence == whole.get(fault, sentence)
    assert sentence.startswith((f"{host} kept answering ", f"{host} could not be read: "))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("broken JSON", "the answer is not whole JSON"),
        ("a body cut short without a length", "the answer is not whole JSON"),
        ("an empty body with status 200", "the answer is not whole JSON"),
        ("an error with status 200", "the answer has no list of data"),
    ],
)
def test_a_broken_answer_is_called_that(served: Open, fault: str, said: str) -> None:
    server = served(MEETINGS, token=TOKEN, faults=first(99, FAULTS[fault]))
    assert said in failure(server.url)


def test_an_answer_that_is_packed_badly_is_tried_again(scripted: Scripted) -> None:
    bad = (200, {"Content-Encoding": "gzip"}, b"no gzip")
    server = scripted(bad, (200, {}, b'{"data":[{"slug":"a"}]}'))
    assert slugs(DriftClient(server.url, TOKEN)) == ["a"]
    assert len(server.heard) == 2


def test_an_answer_that_does_not_come_in_time_is_tried_again(
    served: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, request_timeout=0.2)
    server = served(MEETINGS, faults=first(1, Fault("hang", seconds=30)))
    began = time.monotonic()
    assert slugs(client_of(server)) == ["a", "b"]
    assert 0.2 <= time.monotonic() - began < 20


def test_answers_that_never_come_in_time_are_a_sentence(
    served: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, request_timeout=0.1)
    server = served(MEETINGS, faults=first(99, Fault("hang", seconds=30)))
    assert failure(server.url) == f"127.0.0.1:{server.port} could not be read: no answer in time."
    wait_until(lambda: len(server.requests) == ATTEMPTS)


def test_a_wait_that_drift_asks_for_is_kept(served: Open) -> None:
    server = served(MEETINGS, faults=first(1, Fault("rate_limited", retry_after=1)))
    began = time.monotonic()
    assert slugs(client_of(server)) == ["a", "b"]
    assert time.monotonic() - began >= 1


def test_the_attempts_are_as_many_as_configured(
    served: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, request_max_attempts=2)
    server = served(MEETINGS, token=TOKEN, faults=first(99, Fault("server_error")))
    failure(server.url)
    assert len(server.requests) == 2


def test_a_host_that_nobody_can_connect_to_is_given_up_before_all_tries_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings(monkeypatch, request_max_attempts=12, request_backoff_factor=0.1)
    monkeypatch.setattr("drift.client.DEAD_SECONDS", 0.5)
    with socket() as held:  # bound, not listening: nobody else gets the port
        held.bind(("127.0.0.1", 0))
        began = time.monotonic()
        assert "Connection refused" in failure(f"http://127.0.0.1:{held.getsockname()[1]}")
        assert time.monotonic() - began < 60  # all tries: 200 seconds


def test_nobody_at_the_address_is_a_sentence() -> None:
    with socket() as held:  # bound, not listening: nobody else gets the port
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
        assert failure(f"http://{host}") == (
            f"{host} could not be read: [Errno 111] Connection refused."
        )


# --- what is final


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_final_and_named_with_the_scope_it_needs(
    served: Open, status: int
) -> None:
    server = served(MEETINGS, refusal_status=status)
    assert failure(server.url) == (
        f"Drift refused the access token ({status}): The token was refused. "
        "It needs the scope user_read."
    )
    assert len(server.requests) == 1


def test_a_refused_request_is_final_and_in_drifts_words(served: Open) -> None:
    server = served(MEETINGS)
    client = client_of(server)
    with pytest.raises(RefusedError) as caught:
        client.get(api.MEETINGS, decode_page, {"min_start_time": 0, "limit": 1000})
    assert str(caught.value) == (
        "Drift refused the request to /users/meetings/org (400): "
        "max_start_time must be given as an integer."
    )
    assert (len(server.requests), client.answers) == (1, 1)


def test_a_path_that_is_not_there_is_final(served: Open) -> None:
    server = served(MEETINGS)
    with pytest.raises(RefusedError) as caught:
        client_of(server).get(replace(api.MEETINGS, path="/nothing"), decode_page)
    assert str(caught.value) == (
        "Drift refused the request to /nothing (404): There is nothing at /nothing."
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"type":"validation_error","message":"Not so."}}', "Not so"),
        (b'{"errors":[{"type":"validation_error","message":"Not so"}]}', "Not so"),
        (b'{"error":"not so"}', "Bad Request"),
        (b'{"errors":[]}', "Bad Request"),
        (b'{"error":{"message":""}}', "Bad Request"),
        (b'{"error":{"message":"Not so.\\nAt all."}}', "Not so. At all"),
        (b'{"error":{"message":"\\u001b[31mNot so"}}', "?[31mNot so"),
        (b'{"error":{"message":"%s"}}' % (b"no " * 5_000), "no " * 100 + "…"),
        (b"[]", "Bad Request"),
        (b"<html>Not so</html>", "Bad Request"),
        (b"", "Bad Request"),
    ],
)
def test_a_refusal_is_told_from_either_documented_body_or_its_status(
    scripted: Scripted, body: bytes, said: str
) -> None:
    assert failure(scripted((400, {}, body)).url) == (
        f"Drift refused the request to /users/meetings/org (400): {said}."
    )


def test_a_token_that_drift_repeats_is_not_repeated_in_the_sentence(scripted: Scripted) -> None:
    said = b'{"error":{"type":"authentication_error","message":"No such token: %s"}}'
    server = scripted((403, {}, said % TOKEN.encode()))
    assert failure(server.url).startswith("Drift refused the access token (403): No such token")


@pytest.mark.parametrize("token", ["tok\N{EURO SIGN}n", "tok\nen"])
def test_a_token_that_no_header_can_carry_is_refused_in_a_sentence_without_it(token: str) -> None:
    with pytest.raises(ValueError, match=r"^access_token holds no token that a header can carry$"):
        drift_source(access_token=token)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":{"message":"caf\\ud800 is closed"}}', "caf? is closed"),
        (b'{"error":' + b"[" * 100_000, "Bad Request"),
    ],
    ids=["half of a surrogate pair", "nested too deeply"],
)
def test_words_of_drift_that_nobody_can_write_are_written_otherwise(
    scripted: Scripted, body: bytes, words: str
) -> None:
    said = failure(scripted((400, {}, body)).url)
    assert said == f"Drift refused the request to /users/meetings/org (400): {words}."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    scripted: Scripted, status: int
) -> None:
    other = scripted((200, {}, b'{"data":[]}'))
    server = scripted((status, {"Location": f"{other.url}/users"}, b""))
    assert failure(server.url) == (
        f"{server.host} redirects to {other.url}/users, which is not followed: "
        "set sources.drift.base_url to the address that answers."
    )
    assert (len(server.heard), len(other.heard)) == (1, 0)


# --- the server's clock


def clock(scripted: Scripted, *dates: str) -> timedelta | None:
    """How far a server's clock is ahead of NOW after answers with these dates, once settled."""
    client = DriftClient(scripted(*((200, {"Date": d}, b'{"data":[]}') for d in dates)).url, TOKEN)
    client.begin(NOW)
    for _ in dates:
        slugs(client)
    return client.clock.ahead() if client.clock.is_settled else None


RIGHT, LATER, MUCH_LATER = (f"0{day} Jun 2026 08:00:00 GMT" for day in (1, 2, 3))


def test_the_servers_clock_counts_where_two_answers_agree(scripted: Scripted) -> None:
    day = timedelta(days=1)
    assert clock(scripted, RIGHT) == timedelta()
    assert clock(scripted, LATER) is None
    assert clock(scripted, LATER, LATER) == day
    assert clock(scripted, LATER, RIGHT) is None
    assert clock(scripted, LATER, RIGHT, LATER) == day
    assert clock(scripted, LATER, RIGHT, RIGHT) == timedelta()
    assert clock(scripted, LATER, RIGHT, MUCH_LATER) == timedelta()
    assert clock(scripted, RIGHT, LATER, LATER, LATER) == day  # as long as it is asked
    assert clock(scripted, "Tue, 02 Jun 2026 10:00:00 +0200", LATER) == day


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Mon, 99 Jun 2026 08:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2300"],
)
def test_a_date_that_is_none_is_passed_over(scripted: Scripted, date: str) -> None:
    assert clock(scripted, date) == timedelta()


def test_threads_share_a_client(served: Open) -> None:
    broken = FAULTS["broken JSON"]
    server = served(MEETINGS, faults=lambda number, _: broken if number in (1, 5) else None)
    client = client_of(server)
    read: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: read.extend(slugs(client) for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [["a", "b"]] * 20
    assert client.answers == len(server.requests) == 22


def slots(throttle: Throttle) -> int:
    """How many requests may be under way now."""
    budget = Budget(0.01, "a test")
    with ExitStack() as held:
        for taken in range(9):
            try:
                held.enter_context(throttle.slot(budget))
            except OutOfTimeError:
                return taken
    return 9


def test_after_a_429_the_requests_under_way_become_more_one_by_one() -> None:
    throttle = Throttle(4)
    found = [slots(throttle)]
    for _ in range(3):
        throttle.halve()
        found.append(slots(throttle))
    for _ in range(9):
        throttle.recover()
        found.append(slots(throttle))
    assert found == [4, 2, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


class Drip:
    """A server that sends an answer byte by byte, and never comes to its end."""

    def __init__(self, answer: bytes) -> None:
        self._socket = socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self._answer, self._closing = answer, threading.Event()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "Drip":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self._drip, args=(self._socket.accept()[0],), daemon=True
                ).start()

    def _drip(self, connection: socket) -> None:
        with suppress(OSError), connection:
            for byte in self._answer:
                connection.sendall(bytes([byte]))
                if self._closing.wait(0.05):
                    return

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._socket.close()


def test_an_answer_that_drips_is_given_up_after_the_whole_time_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings(monkeypatch, request_timeout=0.4)
    monkeypatch.setattr("drift.client.CONNECT_SECONDS", 0.1)
    with Drip(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 999) as server:
        began = time.monotonic()
        assert failure(server.url).endswith("could not be read: no answer in time.")
        assert 0.4 <= time.monotonic() - began < 30  # the whole answer: 50 seconds


def test_a_wait_longer_than_what_is_left_ends_at_once_and_says_so(served: Open) -> None:
    server = served(MEETINGS, faults=first(9, Fault("rate_limited", retry_after=60)))
    client = DriftClient(server.url, server.token, deadline_seconds=30)
    began = time.monotonic()
    with pytest.raises(DriftError) as caught:
        slugs(client)
    assert time.monotonic() - began < 20
    host = f"127.0.0.1:{server.port}"
    assert re.fullmatch(
        rf"{host} kept answering 429: Too many requests. The next try would be in 60.0 s,"
        r" and (30|2\d).\d s are left.",
        str(caught.value),
    )


def test_a_run_asks_no_longer_than_its_deadline(served: Open) -> None:
    server = served(MEETINGS, faults=first(99, Fault("hang", seconds=30)))
    client = DriftClient(server.url, server.token, deadline_seconds=0.3)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(OutOfTimeError) as caught:
            slugs(client)
        assert str(caught.value) == (
            "The time for this run (sources.drift.deadline_seconds) is over."
        )
    assert time.monotonic() - began < 20
    assert len(server.requests) <= 1
    client.begin(NOW)
    server.faults = first(0, Fault("reset"))
    assert slugs(client) == ["a", "b"]


def test_each_wait_is_said_with_its_reason_the_attempt_and_the_next_try(
    served: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("drift"), "propagate", True)
    settings(monkeypatch, request_backoff_factor=0)
    host = (server := served(MEETINGS)).url.removeprefix("http://")
    script = [Fault("rate_limited", retry_after=1), Fault("broken_json"), None]
    server.faults = lambda number, _: script[number]
    with caplog.at_level(logging.INFO, logger="drift"):
        assert slugs(client_of(server)) == ["a", "b"]
    first_, second = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert first_ == ("WARNING", f"{host} answered 429; attempt 2 of 3 follows in 1.0 s")
    level, words = second
    assert level == "INFO"
    assert words.startswith(f"{host} could not be read: the answer is not whole JSON")
    assert words.endswith("; attempt 3 of 3 follows in 0.0 s")


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_explodes_or_never_ends_is_given_up(status: int) -> None:
    """64 MB of spaces for each of 64 kB that are sent, and no end to them."""
    packer = zlib.compressobj(9, wbits=31)
    begin = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 2**24) + packer.flush(zlib.Z_FULL_FLUSH)
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(begin)
                for _ in range(2_000):
                    sent.append(self.wfile.write(block))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = failure(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    assert said == f"127.0.0.1:{server.server_port} sent an answer of over 64 MB: no answer is."
    assert len(sent) < 1_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
