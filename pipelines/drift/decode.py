"""An answer's bytes → the states of meetings, as Arrow, and the records that cannot be one.

A body is parsed once, and becomes a column at a time. Where a value is not of the documented type,
that body alone is looked at record by record, with the same outcome for each good record in it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

import orjson
import pyarrow as pa

from .api import ATTRIBUTES, ID_ATTRIBUTES, LIMIT, TEXT_ATTRIBUTES, TIME_ATTRIBUTES
from .tables import OTHERS, UTC_TIME
from .values import (
    FIRST_MS,
    LAST_MS,
    BrokenAnswerError,
    as_text,
    clean_text,
    json_text,
    kind_of,
    parse_json,
    snake_case,
    whole_number,
)

Record = dict[str, Any]

_DICT: Final = {dict}
_KNOWN: Final = frozenset(ATTRIBUTES)
_DIGESTED: Final = tuple(name for name in ATTRIBUTES if name != "meetingNotes")
_TYPES: Final = {
    **{name: ({int, type(None)}, pa.int64()) for name in (*ID_ATTRIBUTES, *TIME_ATTRIBUTES)},
    **{name: ({str, type(None)}, pa.string()) for name in TEXT_ATTRIBUTES},
}
_COLUMNS: Final = {name: snake_case(name) for name in ATTRIBUTES}


@dataclass(frozen=True)
class Rejected:
    """A record that cannot be a meeting."""

    raw_json: str
    reason: str
    slug: str | None


@dataclass(frozen=True)
class Page:
    """One answer: a table of its usable records, and the others.

    Columns of `meetings`: the sixteen attributes in snake_case, times as UTC timestamps with
    microseconds; `other_attributes`, JSON text with ordered keys, null where there are none; and
    the digests `content_hash` and `details_hash`.
    """

    meetings: pa.Table
    rejected: Sequence[Rejected] = field(default=())
    undocumented: frozenset[str] = frozenset()
    """The names of the attributes in `other_attributes`."""

    @property
    def rows(self) -> int:
        return int(self.meetings.num_rows) + len(self.rejected)

    @cached_property
    def slot_starts(self) -> Sequence[int]:
        times = self.meetings["slot_start"].drop_null().cast(pa.int64())
        return [at // 1000 for at in times.to_pylist()]


def decode_page(body: bytes) -> Page:
    """The page that a body of `{"data": [record, …]}` holds.

    Raises `BrokenAnswerError` for a body that is not that: cut short, not JSON, an error.
    """
    with suppress(orjson.JSONDecodeError, RecursionError):
        records = _records(orjson.loads(body))
        if b"\\u0000" not in body and _DICT.issuperset(map(type, records)):
            values, others = _columns(records)
            if _is_documented(values) and not any(_are_beyond(one) for one in others if one):
                return _page(values, others)
    return decode_records(_records(parse_json(body)))


def decode_records(records: Iterable[Any]) -> Page:
    """The page of these records, each of which is looked at."""
    good: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    for record in records:
        try:
            good.append(_meeting(record))
        except (ValueError, RecursionError) as reason:
            rejected.append(_rejected(record, reason))
    return _page(*_columns(good), rejected)


def decode_answer(body: bytes) -> Page:
    """Like `decode_page`, but of an answer at the limit, which is asked for again in parts and
    thrown away, there is only `slot_start`."""
    if body.count(b'"slotStart"') >= LIMIT:
        try:
            records = _records(orjson.loads(body))
            starts = pa.array([record["slotStart"] for record in records], pa.timestamp("ms"))
        except (ValueError, TypeError, KeyError, pa.ArrowException):
            return decode_page(body)
        if len(starts) >= LIMIT:
            return Page(pa.table({"slot_start": starts.cast(UTC_TIME)}))
    return decode_page(body)


def is_nothing(body: bytes) -> bool:
    """Whether a body is an object that says of no meetings, without a list: `{}`, data of null."""
    return b"".join(body.split()) in (b"{}", b'{"data":null}')


def _records(answer: Any) -> list[Any]:
    records = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise BrokenAnswerError("the answer has no list of data")
    return records


def _columns(records: Sequence[Record]) -> tuple[Mapping[str, list[Any]], list[Record | None]]:
    """The values of each documented attribute, and what else each record has that is not null."""
    values = {name: [record.get(name) for record in records] for name in ATTRIBUTES}
    return values, [
        {name: record[name] for name in names if record[name] is not None} or None
        if (names := record.keys() - _KNOWN)
        else None
        for record in records
    ]


def _is_documented(values: Mapping[str, Sequence[Any]]) -> bool:
    """Whether every value is of its type and within its bounds."""
    for name, column in values.items():
        kinds = set(map(type, column))
        if not kinds <= _TYPES[name][0]:
            return False
        if int in kinds:
            numbers = column if len(kinds) == 1 else [n for n in column if n is not None]
            least, most = (FIRST_MS, LAST_MS) if name in TIME_ATTRIBUTES else (-(2**63), 2**63 - 1)
            if min(numbers) < least or max(numbers) > most:
                return False
    return all(values["slug"])


def _are_beyond(others: Record) -> bool:
    """Whether an integer beyond 64 bits may be in them, of which orjson makes a float."""
    kinds = set(map(type, others.values()))
    return not kinds.isdisjoint((float, dict, list)) and any(map(_is_beyond, others.values()))


def _is_beyond(value: Any) -> bool:
    if type(value) is float:
        return abs(value) >= 2**63
    if type(value) is dict:
        return any(map(_is_beyond, value.values()))
    return type(value) is list and any(map(_is_beyond, value))


def _page(
    values: Mapping[str, list[Any]],
    others: Sequence[Record | None],
    rejected: Sequence[Rejected] = (),
) -> Page:
    columns: dict[str, pa.Array] = {}
    for name, (_, kind) in _TYPES.items():
        column = pa.array(values[name], kind)
        if name in TIME_ATTRIBUTES:
            column = column.cast(pa.timestamp("ms")).cast(UTC_TIME)
        columns[_COLUMNS[name]] = column
    texts = [json_text(one) if one else None for one in others]
    columns[OTHERS] = pa.array(texts, pa.string())
    states = zip(*(values[name] for name in _DIGESTED), strict=True)
    columns["content_hash"] = _digests(map(orjson.dumps, states))
    columns["details_hash"] = _digests(
        None if note is None and text is None else orjson.dumps((note, text))
        for note, text in zip(values["meetingNotes"], texts, strict=True)
    )
    names = set[str]().union(*filter(None, others))
    return Page(pa.table(columns), rejected, frozenset(map(clean_text, names)))


def _digests(states: Iterable[bytes | None]) -> pa.Array:
    """64 bits of each state's JSON, null where there is none."""
    digests = [state and blake2b(state, digest_size=8).digest() for state in states]
    whole = pa.array(digests, pa.binary(8))
    return pa.Array.from_buffers(pa.int64(), len(whole), whole.buffers(), whole.null_count)


def _meeting(record: Any) -> dict[str, Any]:
    """A record whose documented values are of their types. Raises `ValueError` with the reason."""
    if not isinstance(record, dict):
        raise ValueError(f"a meeting must be an object, not {kind_of(record)}")
    slug, status = record.get("slug"), record.get("status")
    if not isinstance(slug, str) or not slug:
        raise ValueError(f"slug, the meeting's id, must be text, not {kind_of(slug)}")
    if status is not None and not isinstance(status, str):
        raise ValueError(f"status must be text, not {kind_of(status)}")
    meeting = {
        name: _attribute(name, value) if name in _KNOWN else value for name, value in record.items()
    }
    if not meeting["slug"]:
        raise ValueError("slug, the meeting's id, holds no character")
    json_text({name: value for name, value in record.items() if name not in _KNOWN})
    return meeting


def _attribute(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ID_ATTRIBUTES:
        return whole_number(name, value, numeric_text=True)
    if name in TIME_ATTRIBUTES:
        at = whole_number(name, value, numeric_text=False)
        if not FIRST_MS <= at <= LAST_MS:
            raise ValueError(f"{name} lies outside the years 1 to 9999: {at}")
        return at
    return as_text(value)


def _rejected(record: Any, reason: Exception) -> Rejected:
    slug = record.get("slug") if isinstance(record, dict) else None
    slug = clean_text(slug) if isinstance(slug, str) and slug else None
    if isinstance(reason, RecursionError):  # read, and too deep to be written again
        return Rejected(json.dumps({"slug": slug}), "nested too deeply", slug)
    return Rejected(json.dumps(record), str(reason), slug)
