"""A fake Drift at its worst: it goes wrong as it is told to.

Each thing that nobody has written down about Drift is an option: the bounds, the order of an
answer, which rows survive the cap.
"""

import gzip
import os
import random
import socket
import struct
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, Literal

from fake_drift.http import Answer, Asked, error
from fake_drift.server import VISIBLE, FakeDrift, Handler
from fake_drift.shelf import Record, Shelf


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
                return error(429, "rate_limit", "Too many requests.")._replace(headers=wait)
            case "server_error":
                page = b"<html><h1>Something broke</h1></html>" if self.html else b""
                return Answer(self.status, page, {"Content-Type": "text/html"})
            case "broken_json":
                return answer._replace(body=answer.body[:-1])
            case "error_with_200":
                return error(200, "internal_error", "Something broke.")
            case "empty_200":
                return Answer(200, b"")
            case _:
                return answer


def _no_faults(_number: int, _path: str) -> Fault | None:
    return None


@dataclass(eq=False)
class HostileDrift(FakeDrift):
    """A fake Drift with every option of an unkind one.

    `meetings` is a sequence of records, or a function that gives one and is asked at each request;
    records are rendered once for as long as the function gives the same object.
    `faults` is given a request's number, from 0, and its path with the query.
    """

    meetings: InitVar[Any]
    refused_paths: Collection[str] = ()  # answered 400
    bodies: Mapping[str, bytes] = field(default_factory=dict)  # by path, instead of the right ones
    cap: int = 1_000  # the most rows of any answer
    bounds: Literal["inclusive", "exclusive", "half-open"] = "inclusive"
    order: Literal["slot_start", "newest", "updated", "shuffled"] = "slot_start"  # of the rows kept
    survivors: Literal["first", "last", "shuffled"] = "first"  # kept when too many match, by slot
    ignores_limit: bool = False  # answers 100 rows, whatever is asked
    filters_on: str = "slotStart"  # what the bounds are compared with
    takes: Callable[[int, int], bool] = lambda first, last: True  # other bounds: 400
    nothing: Answer | None = None  # instead of an empty list
    strays: int = 0  # rows from beside the window in each answer that has room for them
    serves_unscheduled: bool = False  # records without a slotStart: in every answer, or in none
    refusal_status: int = 403  # documented; clients in public code expect 401 as well
    refusal_words: str = ""  # said after the documented ones
    gzip: bool = False  # compresses for those who accept it
    latency_seconds: float = 0.0
    faults: Callable[[int, str], Fault | None] = _no_faults

    def set_meetings(self, meetings: Any) -> None:
        given = meetings if callable(meetings) else lambda: meetings
        self._stock: Callable[[], Sequence[Record]] = given
        self._stocking = threading.Lock()
        self._stocked: tuple[Sequence[Record] | None, Shelf] = (None, Shelf([]))
        if not callable(meetings):
            self.shelf()

    def shelf(self) -> Shelf:
        records = self._stock()
        with self._stocking:
            if records is not self._stocked[0]:
                self._stocked = (records, Shelf(records, self.filters_on))
            return self._stocked[1]

    def respond(self, handler: Handler, asked: Asked, number: int) -> None:
        fault = self.faults(number, handler.path)
        hangs = fault is not None and fault.kind == "hang"
        self.closing.wait(fault.seconds if fault and hangs else self.latency_seconds)
        if hangs or self.closing.is_set():
            handler.close_connection = True
            return
        if fault and fault.kind == "reset":  # closed at once, with unsent data thrown away
            handler.close_connection = True
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(handler.connection.detach())  # an ordinary close would say goodbye first
            return
        answer = self.answer(asked, number)
        if asked.path == "/users/meetings/org" and answer.status == 200:
            bounds = (int(asked.query[name]) for name in ("min_start_time", "max_start_time"))
            if not self.takes(*bounds):
                answer = error(400, "validation_error", "Not these bounds.")
            elif self.nothing and answer.body == b'{"data":[]}':
                answer = self.nothing
        if answer.status == 200 and asked.path in self.bodies:
            answer = Answer(200, self.bodies[asked.path])
        answer = fault.spoil(answer) if fault else answer
        self.note_status(number, answer.status)
        if self.gzip and "gzip" in asked.headers.get("accept-encoding", ""):
            packed = gzip.compress(answer.body, compresslevel=1, mtime=0)
            answer = Answer(answer.status, packed, {**answer.headers, "Content-Encoding": "gzip"})
        kind = fault.kind if fault else None
        half = len(answer.body) // 2 if kind in ("cut_body", "cut_unannounced") else None
        handler.send(answer, has_length=kind != "cut_unannounced", cut=half)

    def answer(self, asked: Asked, number: int) -> Answer:
        if asked.path in self.refused_paths:
            return error(400, "validation_error", "Not for this organisation.")
        return super().answer(asked, number)

    def refuse(self, message: str) -> Answer:
        refusal = super().refuse(message + self.refusal_words)
        lacks_scope = "scope" in message
        return refusal if lacks_scope else refusal._replace(status=self.refusal_status)

    def between(self, starts: Sequence[int], first: int, last: int) -> range:
        lower = bisect_right if self.bounds == "exclusive" else bisect_left
        upper = bisect_right if self.bounds == "inclusive" else bisect_left
        return range(lower(starts, first), upper(starts, last))

    def rows(self, shelf: Shelf, matching: range, limit: int, number: int) -> Sequence[int]:
        limit = min(100 if self.ignores_limit else limit, self.cap)
        dice = random.Random(number)
        unscheduled = range(len(shelf.starts), len(shelf) if self.serves_unscheduled else 0)
        extra = unscheduled[:limit]  # these always survive
        room = min(limit - len(extra), len(matching))
        kept: Sequence[int] = matching[:room]
        if self.survivors == "last":
            kept = matching[len(matching) - room :]
        elif self.survivors == "shuffled":
            kept = sorted(dice.sample(matching, room))
        oldest = (self.clock() - VISIBLE).timestamp() * 1000
        beside = range(bisect_left(shelf.starts, oldest), len(shelf.starts))
        room = min(self.strays, len(beside), limit - len(extra) - len(kept))
        kept = sorted({*kept, *dice.sample(beside, room)}) if room > 0 else kept
        rows = [*kept, *extra]
        if self.order == "newest":
            rows.reverse()
        elif self.order == "updated":
            rows.sort(key=shelf.updated.__getitem__)
        elif self.order == "shuffled":
            dice.shuffle(rows)
        return rows
