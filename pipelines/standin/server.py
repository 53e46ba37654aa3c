"""Drift's meetings endpoint and its neighbours, stood in for over real HTTP on this machine.

It enforces what Drift documents (bearer token, both bounds, the cap, 30 days, the error bodies) and
turns into an option each thing nobody has written down: the bounds, the order, which rows survive
the cap. A default is therefore a choice of ours, never a statement about Drift.
"""

import argparse
import gzip
import json
import os
import random
import re
import socket
import struct
import sys
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Literal, NamedTuple, Self, cast
from urllib.parse import parse_qsl, urlsplit

import orjson

Record = Mapping[str, object] | bytes  # bytes: raw JSON text, served as it is, however bad
Person = Mapping[str, object]
Meetings = Sequence[Record] | Callable[[], Sequence[Record]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VISIBLE = timedelta(days=30)  # doc: meetings "up to 30 days in the past"
LARGEST_LIMIT = 1_000  # code: a typed client allows 0 to 1000
USERS_AT_ONCE = 20  # doc
EVERY_SCOPE = frozenset({"user_read", "contact_read", "conversation_read"})
_SCOPE_OF = {  # by a path's first part; that of teams is written down nowhere
    "users": "user_read",
    "teams": "user_read",
    "contacts": "contact_read",
    "conversations": "conversation_read",
}


@dataclass(frozen=True)
class Asked:
    """One request as it came in (header names in lower case), and the status of its answer.

    The status is 0 as long as none was sent: while it is worked out, and after a reset or a hang.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int = 0
    repeated: tuple[tuple[str, str], ...] = field(
        default=(), compare=False
    )  # names that recur, too


class Answer(NamedTuple):
    """A status, a body (JSON unless the headers say otherwise), and what headers it adds."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


def _error(status: int, kind: str, message: str) -> Answer:
    """An error in the documented form (data-and-errors)."""
    return Answer(status, orjson.dumps({"error": {"type": kind, "message": message}}))


def _data(data: object) -> Answer:
    return Answer(200, json.dumps({"data": data}).encode())


def _is_id(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,19}", text, re.ASCII) is not None


@dataclass(frozen=True)
class Fault:
    """One way for a request to go wrong."""

    kind: Literal[
        "rate_limited",  # 429, with Retry-After if `retry_after` is set
        "server_error",  # `status`, with a proxy's HTML page, or empty
        "reset",  # the connection is reset before a byte is sent
        "hang",  # nothing for `seconds`, then the connection closes
        "cut_body",  # Content-Length announces the whole body, half of it comes
        "cut_unannounced",  # no Content-Length: half of the body, and the connection closes
        "broken_json",  # the body lacks its last bracket
        "error_with_200",  # 200, the body is an error object
        "empty_200",  # 200, no body
    ]
    status: int = 500
    html: bool = True
    retry_after: str | int | None = None
    seconds: float = 60.0

    def spoil(self, answer: Answer) -> Answer:
        """What is sent instead of the right answer; faults of the connection leave it as it is."""
        match self.kind:
            case "rate_limited":
                wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
                return _error(429, "rate_limit", "Too many requests.")._replace(headers=wait)
            case "server_error":
                page = b"<html><h1>Something broke</h1></html>" if self.html else b""
                return Answer(self.status, page, {"Content-Type": "text/html"})
            case "broken_json":
                return answer._replace(body=answer.body[:-1])
            case "error_with_200":
                return _error(200, "internal_error", "Something broke.")
            case "empty_200":
                return Answer(200, b"")
            case _:
                return answer


class _Shelf:
    """Records rendered once: those with a slot in the order of their slots, then the others."""

    def __init__(self, records: Sequence[Record]) -> None:
        rendered = [_rendered(record) for record in records]
        rows = sorted((row for row in rendered if row[0] is not None), key=itemgetter(0))
        self.starts = [start for start, _, _ in rows if start is not None]
        rows += [row for row in rendered if row[0] is None]
        self.updated = [updated for _, updated, _ in rows]
        self._text = b",".join([body for _, _, body in rows])
        self._begins = [0, *accumulate(len(body) + 1 for _, _, body in rows)]

    def __len__(self) -> int:
        return len(self.updated)

    def joined(self, rows: Sequence[int]) -> bytes:
        """The JSON texts of these rows, with commas between."""
        if rows and rows == list(range(rows[0], rows[-1] + 1)):  # neighbours lie joined already
            return self._text[self._begins[rows[0]] : self._begins[rows[-1] + 1] - 1]
        return b",".join([self.joined([row]) for row in rows])


def _rendered(record: Record) -> tuple[int | None, int, bytes]:
    """A record's slotStart (None unless an integer), its updatedAt (or 0), its JSON text."""
    if isinstance(record, bytes):
        body = record
        try:
            fields = json.loads(record)  # not orjson: it refuses lone surrogates
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            fields = {}
    else:
        fields = record
        text = orjson.dumps(record if type(record) is dict else dict(record))
        body = bytes(memoryview(text))  # a copy: orjson's own held 8 KB each, 20 times their size
    start, updated = fields.get("slotStart"), fields.get("updatedAt")
    return (
        start if type(start) is int else None,  # a boolean is no time
        updated if type(updated) is int else 0,
        body,
    )


def _restocked(source: Callable[[], Sequence[Record]]) -> Callable[[], _Shelf]:
    """The shelf of what `source` gives, rendered anew when that is another object than before."""
    lock = threading.Lock()
    records: Sequence[Record] = ()
    shelf = _Shelf(records)

    def stock() -> _Shelf:
        nonlocal records, shelf
        given = source()
        with lock:
            if given is not records:
                records, shelf = given, _Shelf(given)
            return shelf

    return stock


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _no_faults(_number: int, _path: str) -> Fault | None:
    return None


def _nobody(_: int) -> None:
    return None


@dataclass(frozen=True)
class People:
    """Who is behind the ids of meetings. Users and teams are served as they are, however odd."""

    users: Sequence[object] = ()
    former_users: Sequence[object] = ()  # in no list, and still known by their ids
    teams: Sequence[object] = ()
    contact: Callable[[int], Person | None] = _nobody
    conversation: Callable[[int], Person | None] = _nobody


@dataclass(eq=False)
class StandIn:
    """A Drift on loopback that serves `meetings` at `url` within a `with` block.

    `meetings` is a sequence of records, or a function that gives one and is asked at each request;
    records are rendered once for as long as the function gives the same object.
    `faults` is given a request's number, from 0, and its path with the query.
    The options may be changed while it serves. Entered again, it serves at the same address.
    """

    meetings: InitVar[Meetings]
    _: KW_ONLY
    token: str = "demo-token"  # noqa: S105 - opens nothing but this stand-in
    scopes: Collection[str] = EVERY_SCOPE  # the token's
    bodies: Mapping[str, bytes] = field(default_factory=dict)  # by path, instead of the right ones
    people: People = People()
    clock: Callable[[], datetime] = _utc_now  # what is 30 days ago, and the Date header
    cap: int = 1_000  # the most rows of any answer
    default_limit: int = 100  # the most rows of an answer asked for without a limit
    bounds: Literal["inclusive", "exclusive", "half-open"] = "inclusive"
    order: Literal["slot_start", "newest", "updated", "shuffled"] = "slot_start"  # of the rows kept
    survivors: Literal["first", "last", "shuffled"] = "first"  # kept when too many match, by slot
    ignores_limit: bool = False  # answers `default_limit` rows, whatever is asked
    serves_unscheduled: bool = False  # records without a slotStart: in every answer, or in none
    refusal_status: int = 403  # doc; clients in public code expect 401 as well
    refusal_words: str = ""  # said after the documented ones
    gzip: bool = False  # compresses for those who accept it
    latency_seconds: float = 0.0
    faults: Callable[[int, str], Fault | None] = _no_faults
    port: int = 0

    def __post_init__(self, meetings: Meetings) -> None:
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._asked: list[Asked] = []
        self.set_meetings(meetings)

    def __enter__(self) -> Self:
        self.closing.clear()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.standin = self
        self.port = self._server.server_address[1]
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base address that a client takes for Drift's; known within the `with` block."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Asked]:
        """What was asked so far, in the order in which it came in."""
        with self._lock:
            return list(self._asked)

    def set_meetings(self, meetings: Meetings) -> None:
        """Serve other meetings from the next request on."""
        if callable(meetings):
            self._stock: Callable[[], _Shelf] = _restocked(meetings)
        else:
            shelf = _Shelf(meetings)
            self._stock = lambda: shelf

    def heard(self, asked: Asked) -> int:
        """Note a request; its number, from 0."""
        with self._lock:
            self._asked.append(asked)
            return len(self._asked) - 1

    def answering(self, number: int, status: int) -> None:
        """Note the status that request `number` is about to be answered with."""
        with self._lock:
            self._asked[number] = replace(self._asked[number], status=status)

    def answer(self, asked: Asked, number: int) -> Answer:
        """The right answer to a request, by the documented rules and this stand-in's options."""
        part, *rest = asked.path.removeprefix("/").split("/")
        if part not in _SCOPE_OF:
            return _error(404, "not_found", f"There is nothing at {asked.path}.")
        if asked.method != "GET":
            return _error(405, "method_not_allowed", f"{asked.path} answers GET alone.")
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            message = f"The token was refused.{self.refusal_words}"
            return _error(self.refusal_status, "authentication_error", message)
        if (scope := _SCOPE_OF[part]) not in self.scopes:
            message = f"The token lacks the scope {scope}.{self.refusal_words}"
            return _error(403, "authentication_error", message)
        if asked.path in self.bodies:
            return Answer(200, self.bodies[asked.path])
        match part, *rest:
            case "users", "meetings", "org":
                return self._booked_meetings(asked.query, number)
            case "users", "list":
                return _data(list(self.people.users))
            case ("users",):
                return self._some_users([v for n, v in asked.repeated if n == "userId"])
            case "teams", "org":
                return _data(list(self.people.teams))
            case ("users" | "contacts" | "conversations") as kind, id_ if _is_id(id_):
                found = self._one(kind, int(id_))
                return _error(404, "not_found", "No such id.") if found is None else _data(found)
        return _error(404, "not_found", f"There is nothing at {asked.path}.")

    def _one(self, kind: str, number: int) -> object:
        match kind:
            case "contacts":
                return self.people.contact(number)
            case "conversations":
                return self.people.conversation(number)
            case _:
                return self._users().get(number)

    def _users(self) -> dict[object, object]:
        every = (*self.people.former_users, *self.people.users)
        return {user["id"]: user for user in every if isinstance(user, dict) and "id" in user}

    def _some_users(self, ids: Sequence[str]) -> Answer:
        if not 1 <= len(ids) <= USERS_AT_ONCE or not all(map(_is_id, ids)):
            return _error(400, "validation_error", f"userId: 1 to {USERS_AT_ONCE} integers.")
        users = self._users()
        return _data({number: users[int(number)] for number in ids if int(number) in users})

    def _booked_meetings(self, query: Mapping[str, str], number: int) -> Answer:
        asked = {"limit": str(self.default_limit), **query}
        for name in ("min_start_time", "max_start_time", "limit"):
            if not re.fullmatch(r"-?\d{1,19}", asked.get(name, ""), re.ASCII):
                return _error(400, "validation_error", f"{name} must be given as an integer.")
        limit = int(asked["limit"])
        if not 0 <= limit <= LARGEST_LIMIT:
            return _error(400, "validation_error", f"limit must lie within 0 and {LARGEST_LIMIT}.")
        if self.ignores_limit:
            limit = self.default_limit

        shelf, dice = self._stock(), random.Random(number)
        starts = shelf.starts
        lower = bisect_right if self.bounds == "exclusive" else bisect_left
        upper = bisect_right if self.bounds == "inclusive" else bisect_left
        reach = (self.clock() - VISIBLE - EPOCH) // timedelta(milliseconds=1)
        first = max(lower(starts, int(asked["min_start_time"])), bisect_left(starts, reach))
        matching = range(first, max(first, upper(starts, int(asked["max_start_time"]))))
        unscheduled = range(len(starts), len(shelf) if self.serves_unscheduled else 0)
        rows = self._kept(matching, unscheduled, min(limit, self.cap), dice)
        if self.order == "newest":
            rows.reverse()
        elif self.order == "updated":
            rows.sort(key=shelf.updated.__getitem__)
        elif self.order == "shuffled":
            dice.shuffle(rows)
        return Answer(200, b'{"data":[%b]}' % shelf.joined(rows))

    def _kept(
        self, matching: range, unscheduled: range, limit: int, dice: random.Random
    ) -> list[int]:
        """At most `limit` rows, in the order of their slots; the unscheduled always survive."""
        extra = unscheduled[:limit]
        room = min(limit - len(extra), len(matching))
        kept: Sequence[int] = matching[:room]
        if self.survivors == "last":
            kept = matching[len(matching) - room :]
        elif self.survivors == "shuffled":
            kept = sorted(dice.sample(matching, room))
        return [*kept, *extra]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # the standard 5 refuses clients that open many connections at once
    standin: StandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer may wait 40 ms for an acknowledgement

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that left is no news
            super().handle()

    def _serve(self) -> None:
        standin = cast(_Server, self.server).standin
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, dict(pairs), headers, repeated=pairs)
        number = standin.heard(asked)
        fault = standin.faults(number, self.path)
        hangs = fault is not None and fault.kind == "hang"
        standin.closing.wait(fault.seconds if fault and hangs else standin.latency_seconds)
        if hangs or standin.closing.is_set():
            self.close_connection = True
        elif fault and fault.kind == "reset":
            self._reset()
        else:
            answer = standin.answer(asked, number)
            answer = fault.spoil(answer) if fault else answer
            standin.answering(number, answer.status)
            self._send(answer, fault.kind if fault else None)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _send(self, answer: Answer, fault: str | None) -> None:
        standin, body = cast(_Server, self.server).standin, answer.body
        date = format_datetime(standin.clock().astimezone(UTC), usegmt=True)
        headers = {"Date": date, "Content-Type": "application/json", **answer.headers}
        if standin.gzip and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1, mtime=0)
        if fault != "cut_unannounced":
            headers["Content-Length"] = str(len(body))
        if fault in ("cut_body", "cut_unannounced"):
            body = body[: len(body) // 2]
            self.close_connection = True
        if self.command != "GET":  # a body was left unread: it would be taken for a request
            self.close_connection = True
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*lines, "\r\n"]).encode() + body)  # one write, one send

    def _reset(self) -> None:
        """End the connection with a reset: closed at once, with unsent data thrown away."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # an ordinary close would say goodbye first

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard's name
        """Say nothing: what was asked is in `StandIn.requests`."""


def main() -> None:
    """Serve synthetic meetings until interrupted, for a benchmark; print the address first."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from standin.organisation import synthetic_meetings  # noqa: PLC0415 - a script finds it now

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--meetings", type=int, default=100_000)
    parser.add_argument("--shape", choices=("uniform", "peak", "office"), default="uniform")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    given = parser.parse_args()
    meetings = synthetic_meetings(given.meetings, given.shape, _utc_now())
    with StandIn(meetings, latency_seconds=given.latency, port=given.port) as standin:
        print(standin.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
