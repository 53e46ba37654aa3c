"""A request as the fake Drift hears it, and an answer as it gives it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson


@dataclass(frozen=True)
class Asked:
    """One request as it came in (header names in lower case), and the status of its answer.

    The status is 0 as long as none was sent: while it is worked out, and where none ever is.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int = 0
    repeated: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """The query's names and values, those that recur too."""
    body: bytes = field(default=b"", repr=False)


class Answer(NamedTuple):
    """A status, a body (JSON unless the headers say otherwise), and what headers it adds."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


def error(status: int, kind: str, message: str) -> Answer:
    """An error in the documented form (data-and-errors)."""
    return Answer(status, orjson.dumps({"error": {"type": kind, "message": message}}))
