"""The report on conversations, a query answered with numbers: page conversation-reporting."""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from fake_drift.http import Answer, error

METRICS: Final = {
    "relatedPlaybookId": "relatedPlaybookId",  # documented, as the next three are
    "firstAgentMessageAt": "firstAgentMessageAt",
    "timeToCloseMillis": "timeToCloseMillis",
    "timeToAgentResponseMillis": "timeToAgentResponseMillis",
    "createdAt": "createdAt",  # seen, as the next is
    "endUserId": "contactId",
}
"""A metric or property's attribute of a conversation."""
FILTERS: Final = {**METRICS, "lastAgentId": "lastAgentId", "firstCloseAt": "firstCloseAt"}
CALLS_A_MINUTE: Final = 60


class Reports:
    """Answers queries, so many in a minute."""

    def __init__(self) -> None:
        self.cap: int | None = None
        """The most rows of an answer; `count` says how many there are. Drift's is unknown."""
        self._calls: deque[float] = deque(maxlen=CALLS_A_MINUTE)
        self._lock = threading.Lock()

    def answer(self, body: bytes, conversations: Sequence[Mapping[str, object]]) -> Answer:
        """The answer to a query's JSON over these conversations."""
        with self._lock:
            now = monotonic()
            if len(self._calls) == CALLS_A_MINUTE and now - self._calls[0] < 60:
                return error(429, "rate_limit", f"At most {CALLS_A_MINUTE} calls a minute.")
            self._calls.append(now)
        try:
            query = json.loads(body)
            attributes = [METRICS[name] for name in query["metrics"]]
            filters = [
                (FILTERS[one["property"]], _test(one["operation"], one.get("values", ())))
                for one in query["filters"]
            ]
            found = [
                each
                for each in conversations
                if all(matches(each.get(name)) for name, matches in filters)
            ]
        except (ValueError, KeyError, TypeError) as fault:
            return error(400, "validation_error", f"No such query: {fault}.")
        data = [
            {
                "conversationId": each["id"],
                "metrics": [
                    "NaN" if (value := each.get(name)) is None else value for name in attributes
                ],
            }
            for each in found[: self.cap]
        ]
        return Answer(200, json.dumps({"count": len(found), "data": data}).encode())


def _test(operation: object, values: Sequence[object]) -> Callable[[object], bool]:
    """What an operation asks of a value."""
    match operation:
        case "HAS_PROPERTY":
            return lambda value: value is not None
        case "IN":
            return lambda value: value in values
        case "BETWEEN":
            first, last = map(_milliseconds, values)
            return lambda value: isinstance(value, int) and first <= value <= last
    raise ValueError(f"the operation {operation!r}")


def _milliseconds(value: object) -> float:
    """A bound: epoch milliseconds, or a date."""
    if isinstance(value, int):
        return value
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp() * 1000
