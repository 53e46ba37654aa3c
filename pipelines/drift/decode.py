"""An answer's bytes → the states of meetings, as Arrow, and the records that cannot be one.

Arrow's JSON reader decodes the sixteen documented attributes. Where a body holds others, they are
read beside it, as JSON. A body that is unusual in another way is decoded record by record: slower,
and with the same outcome for every good record in it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from .api import ATTRIBUTES, ID_ATTRIBUTES, LIMIT, TEXT_ATTRIBUTES, TIME_ATTRIBUTES
from .errors import BrokenAnswerError
from .values import (
    FIRST_MS,
    LAST_MS,
    UTC_TIME,
    as_text,
    clean_text,
    json_text,
    kind_of,
    parse_json,
    snake_case,
    whole_number,
)

OTHERS: Final = "other_attributes"
"""The column for what nobody documented."""

_JSON_TYPES: Final[dict[str, pa.DataType]] = {
    **{name: pa.int64() for name in (*ID_ATTRIBUTES, *TIME_ATTRIBUTES)},
    **{name: pa.string() for name in TEXT_ATTRIBUTES},
}
_BODY: Final = pa.schema([("data", pa.list_(pa.struct(list(_JSON_TYPES.items()))))])
_TIMES: Final = pa.schema([("data", pa.list_(pa.struct([("slotStart", pa.int64())])))])

NESTED_MOST: Final = 5_000
"""Brackets that a body may hold: Arrow's reader overflows its stack on very deep records."""

NOTHING: Final = b'{"data":[]}'

_LONG_NUMBER: Final = re.compile(rb"\d{20}")
"""Digits of an integer that may be beyond 64 bits: orjson would round it."""


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
    microseconds, and `other_attributes`: JSON text with ordered keys, null where there are none.
    """

    meetings: pa.Table
    rejected: Sequence[Rejected] = field(default=())

    @property
    def rows(self) -> int:
        return int(self.meetings.num_rows) + len(self.rejected)

    @cached_property
    def slot_starts(self) -> Sequence[int]:
        times = self.meetings["slot_start"].drop_null().cast(pa.int64())
        return [at // 1000 for at in times.to_pylist()]


def is_nothing(body: bytes) -> bool:
    """Whether a body is an object that says of no meetings, without a list: `{}`, data of null."""
    return b"".join(body.split()) in (b"{}", b'{"data":null}')


def decode_page(body: bytes) -> Page:
    """The page that a body of `{"data": [record, …]}` holds.

    Raises `BrokenAnswerError` for a body that is not that: cut short, not JSON, an error.
    """
    return decode_fast(body) or decode_by_record(body)


def decode_answer(body: bytes) -> Page:
    """Like `decode_page`, but an answer at the limit has no column except `slot_start`.

    Nobody can tell whether it is whole, so it is asked for again in parts: only its times count.
    """
    if body.count(b'"slotStart"') >= LIMIT:
        with suppress(pa.ArrowInvalid):
            starts = _records(body, _TIMES, "ignore").field("slotStart").cast(pa.timestamp("ms"))
            if len(starts) >= LIMIT:
                return Page(pa.table({"slot_start": starts.cast(UTC_TIME)}))
    return decode_page(body)


def decode_fast(body: bytes) -> Page | None:
    """The page, or nothing where only a look at each record can tell what it holds."""
    if b"\\u0000" in body or not body.lstrip().startswith(b"{"):
        return None
    if body.count(b"{") + body.count(b"[") > NESTED_MOST:
        return None
    try:
        body.decode()
        try:
            table = pa.Table.from_struct_array(_records(body, _BODY, "error"))
            others = pa.nulls(table.num_rows, pa.string())
        except pa.ArrowInvalid:  # an attribute that nobody documented, or worse
            table = pa.Table.from_struct_array(_records(body, _BODY, "ignore"))
            if _LONG_NUMBER.search(body):
                return None
            others = pa.array(map(other_attributes, orjson.loads(body)["data"]), pa.string())
    except (pa.ArrowInvalid, UnicodeDecodeError, orjson.JSONDecodeError, RecursionError):
        return None
    if table["slug"].null_count or pc.any(pc.equal(table["slug"], "")).as_py():
        return None
    for name in TIME_ATTRIBUTES:
        extremes = pc.min_max(table[name]).as_py()
        earliest, latest = extremes["min"], extremes["max"]
        if earliest is not None and (earliest < FIRST_MS or latest > LAST_MS):
            return None
    return Page(_page_table(table, others))


def _records(body: bytes, schema: pa.Schema, unexpected: str) -> pa.StructArray:
    """The records of `data`, as Arrow reads them. Raises `pa.ArrowInvalid` for anything else."""
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected)
    read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    answer = pj.read_json(pa.BufferReader(body), read_options=read, parse_options=parse)
    if answer.num_rows != 1 or answer["data"].null_count:
        raise pa.ArrowInvalid("not one object with a list of data")
    records = answer["data"].combine_chunks().flatten()
    if records.null_count:
        raise pa.ArrowInvalid("a record that is null")
    return records


def decode_by_record(body: bytes) -> Page:
    """The page, each record looked at by itself. Raises `BrokenAnswerError`."""
    answer = parse_json(body)
    records = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise BrokenAnswerError("the answer has no list of data")
    meetings: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    for record in records:
        try:
            meetings.append(_meeting(record))
        except (ValueError, RecursionError) as reason:
            slug = record.get("slug") if isinstance(record, dict) else None
            slug = clean_text(slug) if isinstance(slug, str) and slug else None
            if isinstance(reason, RecursionError):  # read, and too deep to be written again
                rejected.append(Rejected(json.dumps({"slug": slug}), "nested too deeply", slug))
            else:
                rejected.append(Rejected(json.dumps(record), str(reason), slug))
    columns = {
        name: pa.array([meeting.get(name) for meeting in meetings], kind)
        for name, kind in _JSON_TYPES.items()
    }
    others = pa.array([meeting.get(OTHERS) for meeting in meetings], pa.string())
    return Page(_page_table(pa.table(columns), others), rejected)


def _meeting(record: Any) -> dict[str, Any]:
    """A record's values by Drift's names. Raises `ValueError` with the reason for a bad one."""
    if not isinstance(record, dict):
        raise ValueError(f"a meeting must be an object, not {kind_of(record)}")
    slug, status = record.get("slug"), record.get("status")
    if not isinstance(slug, str) or not slug:
        raise ValueError(f"slug, the meeting's id, must be text, not {kind_of(slug)}")
    if status is not None and not isinstance(status, str):
        raise ValueError(f"status must be text, not {kind_of(status)}")
    meeting = {
        name: _attribute(name, value) for name, value in record.items() if name in _JSON_TYPES
    }
    if not meeting["slug"]:
        raise ValueError("slug, the meeting's id, holds no character")
    return meeting | {OTHERS: other_attributes(record)}


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


def other_attributes(record: Mapping[str, Any]) -> str | None:
    """What nobody documented, as JSON with Drift's names in order; nothing where all is null."""
    others = {k: v for k, v in record.items() if k not in _JSON_TYPES and v is not None}
    return json_text(others) if others else None


def _page_table(table: pa.Table, others: pa.Array) -> pa.Table:
    """Columns by their names in the warehouse; milliseconds as timestamps."""
    columns: dict[str, Any] = {}
    for name in ATTRIBUTES:
        column = table[name]
        if name in TIME_ATTRIBUTES:
            column = column.cast(pa.timestamp("ms")).cast(UTC_TIME)
        columns[snake_case(name)] = column
    return pa.table(columns | {OTHERS: others})
