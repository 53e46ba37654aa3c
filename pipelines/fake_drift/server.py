"""A fake Drift over real HTTP on this machine, by the documented rules.

It enforces what Drift documents: bearer token and scopes, both bounds, the limit, 30 days, the
error bodies. What nobody has written down (such as the order of an answer) is a choice, never a
statement about Drift.
"""

import json
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, InitVar, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self, cast
from urllib.parse import parse_qsl, urlsplit

from fake_drift.http import Answer, Asked, error
from fake_drift.reports import Reports
from fake_drift.shelf import Record, Shelf

Person = Mapping[str, object]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VISIBLE = timedelta(days=30)  # documented: meetings "up to 30 days in the past"
LARGEST_LIMIT = 1_000  # seen: a typed client allows 0 to 1000
DEFAULT_LIMIT = 100  # seen there, too
USERS_AT_ONCE = 20  # documented
SCOPES = {  # by a path's first part; that of teams is written down nowhere
    "users": "user_read",
    "teams": "user_read",
    "contacts": "contact_read",
    "conversations": "conversation_read",
    "playbooks": "playbook_read",
    "reports": "conversation_read",
}
REPORT: Final = "/reports/conversations"


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode())


def _is_id(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,19}", text, re.ASCII) is not None


def _nobody(_: int) -> None:
    return None


@dataclass(frozen=True)
class People:
    """The records that meetings name. Lists are served as they are, however odd."""

    users: Sequence[object] = ()
    former_users: Sequence[object] = ()  # in no list, and still known by their ids
    teams: Sequence[object] = ()
    playbooks: Sequence[object] = ()
    contact: Callable[[int], Person | None] = _nobody
    conversation: Callable[[int], Person | None] = _nobody
    conversations: Callable[[], Sequence[Person]] = tuple  # those that reports are about


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class FakeDrift:
    """A Drift on loopback that serves `meetings` at `url` within a `with` block.

    The options may be changed while it serves. Entered again, it serves at the same address.
    """

    meetings: InitVar[Sequence[Record]]
    _: KW_ONLY
    token: str = "demo-token"  # noqa: S105 - opens nothing but this server
    scopes: Collection[str] = frozenset(SCOPES.values())  # the token's
    people: People = People()
    clock: Callable[[], datetime] = _utc_now  # what is 30 days ago, and the Date header
    port: int = 0

    def __post_init__(self, meetings: Sequence[Record]) -> None:
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._asked: list[Asked] = []
        self.reports = Reports()
        self.set_meetings(meetings)

    def __enter__(self) -> Self:
        self.closing.clear()
        self._server = _Server(("127.0.0.1", self.port), Handler)
        self._server.fake = self
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

    def set_meetings(self, meetings: Sequence[Record]) -> None:
        """Serve other meetings from the next request on."""
        self._shelf = Shelf(meetings)

    def shelf(self) -> Shelf:
        """The meetings to serve now."""
        return self._shelf

    def hear(self, asked: Asked) -> int:
        """Note a request; its number, from 0."""
        with self._lock:
            self._asked.append(asked)
            return len(self._asked) - 1

    def note_status(self, number: int, status: int) -> None:
        """Note the status that request `number` is about to be answered with."""
        with self._lock:
            self._asked[number] = replace(self._asked[number], status=status)

    def respond(self, handler: "Handler", asked: Asked, number: int) -> None:
        """Answer a request."""
        answer = self.answer(asked, number)
        self.note_status(number, answer.status)
        handler.send(answer)

    def refuse(self, message: str) -> Answer:
        """The answer to a token that may not ask for this."""
        return error(403, "authentication_error", message)

    def answer(self, asked: Asked, number: int) -> Answer:
        """The right answer to a request."""
        part, *rest = asked.path.removeprefix("/").split("/")
        if part not in SCOPES:
            return error(404, "not_found", f"There is nothing at {asked.path}.")
        method = "POST" if asked.path == REPORT else "GET"
        if asked.method != method:
            return error(405, "method_not_allowed", f"{asked.path} answers {method} alone.")
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return self.refuse("The token was refused.")
        if SCOPES[part] not in self.scopes:
            return self.refuse(f"The token lacks the scope {SCOPES[part]}.")
        match part, *rest:
            case "users", "meetings", "org":
                return self._booked_meetings(asked.query, number)
            case "users", "list":
                return _json({"data": list(self.people.users)})
            case ("users",):
                return self._some_users([v for n, v in asked.repeated if n == "userId"])
            case "teams", "org":
                return _json({"data": list(self.people.teams)})
            case "playbooks", "list":
                return _json(list(self.people.playbooks))
            case "reports", "conversations":
                return self.reports.answer(asked.body, self.people.conversations())
            case ("users" | "contacts" | "conversations") as kind, id_ if _is_id(id_):
                found = self._one(kind, int(id_))
                return _json({"data": found}) if found else error(404, "not_found", "No such id.")
        return error(404, "not_found", f"There is nothing at {asked.path}.")

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
            return error(400, "validation_error", f"userId: 1 to {USERS_AT_ONCE} integers.")
        users = self._users()
        found = {number: users[int(number)] for number in ids if int(number) in users}
        return _json({"data": found})

    def _booked_meetings(self, query: Mapping[str, str], number: int) -> Answer:
        asked = {"limit": str(DEFAULT_LIMIT), **query}
        for name in ("min_start_time", "max_start_time", "limit"):
            if not re.fullmatch(r"-?\d{1,19}", asked.get(name, ""), re.ASCII):
                return error(400, "validation_error", f"{name} must be given as an integer.")
        limit = int(asked["limit"])
        if not 0 <= limit <= LARGEST_LIMIT:
            return error(400, "validation_error", f"limit must lie within 0 and {LARGEST_LIMIT}.")
        shelf = self.shelf()
        reach = (self.clock() - VISIBLE - EPOCH) // timedelta(milliseconds=1)
        span = self.between(
            shelf.starts, int(asked["min_start_time"]), int(asked["max_start_time"])
        )
        first = max(span.start, bisect_left(shelf.starts, reach))
        rows = self.rows(shelf, range(first, max(first, span.stop)), limit, number)
        return Answer(200, b'{"data":[%b]}' % shelf.joined(rows))

    def between(self, starts: Sequence[int], first: int, last: int) -> range:
        """Where in `starts` those between the bounds are."""
        return range(bisect_left(starts, first), bisect_right(starts, last))

    def rows(self, shelf: Shelf, matching: range, limit: int, number: int) -> Sequence[int]:
        """The rows that are answered with, of those on the shelf that match."""
        return matching[:limit]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # the standard 5 refuses clients that open many connections at once
    fake: FakeDrift


class Handler(BaseHTTPRequestHandler):
    """Reads a request, and writes an answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer may wait 40 ms for an acknowledgement

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that left is no news
            super().handle()

    @property
    def fake(self) -> FakeDrift:
        return cast(_Server, self.server).fake

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(self.command, parts.path, dict(pairs), headers, repeated=pairs, body=body)
        self.fake.respond(self, asked, self.fake.hear(asked))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def send(self, answer: Answer, *, has_length: bool = True, cut: int | None = None) -> None:
        """Sends an answer; less its length, or cut to so many bytes, where that is asked for."""
        date = format_datetime(self.fake.clock().astimezone(UTC), usegmt=True)
        headers = {"Date": date, "Content-Type": "application/json", **answer.headers}
        if has_length:
            headers["Content-Length"] = str(len(answer.body))
        # Bodies are read of a query alone: left unread, one would be taken for a request.
        self.close_connection |= self.command not in ("GET", "POST") or cut is not None
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        body = answer.body[:cut]
        self.wfile.write("\r\n".join([*lines, "\r\n"]).encode() + body)  # one write, one send

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard's name
        """Say nothing: what was asked is in `FakeDrift.requests`."""
