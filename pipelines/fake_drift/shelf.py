"""The meetings that a server serves, rendered once."""

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import itemgetter

import orjson

Record = Mapping[str, object] | bytes  # bytes: raw JSON text, served as it is, however bad


class Shelf:
    """Records rendered once: those with a slot in the order of their slots, then the others.

    `by` is the attribute that is taken for the start of the slot.
    """

    def __init__(self, records: Sequence[Record], by: str = "slotStart") -> None:
        rendered = [_rendered(record, by) for record in records]
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
        if rows and list(rows) == list(range(rows[0], rows[-1] + 1)):  # they lie joined already
            return self._text[self._begins[rows[0]] : self._begins[rows[-1] + 1] - 1]
        return b",".join([self.joined([row]) for row in rows])


def _rendered(record: Record, by: str) -> tuple[int | None, int, bytes]:
    """A record's slotStart, or `by` (None unless an integer), its updatedAt (or 0), its text."""
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
    start, updated = fields.get(by), fields.get("updatedAt")
    return (
        start if type(start) is int else None,  # a boolean is no time
        updated if type(updated) is int else 0,
        body,
    )
