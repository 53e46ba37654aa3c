"""An answer's bytes → the states of meetings, as Arrow, and the records that cannot be one.

Bodies of good records are decoded by Arrow's own JSON reader. A body in which it, or a look over
its columns, finds anything unusual is decoded record by record instead: slower, and of the same
outcome for every good record in it.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from dlt.common.normalizers.naming.snake_case import NamingConvention

from drift.client import BrokenAnswerError
from drift.settings import (
    ATTRIBUTES,
    ID_ATTRIBUTES,
    LIMIT,
    OWN_COLUMNS,
    TEXT_ATTRIBUTES,
    TIME_ATTRIBUTES,
    TIME_MAX_MS,
    TIME_MIN_MS,
    UTC_TIME,
)

NAME_LENGTH: Final = 50
"""The most that a column's name has: with what may be put before and behind it, every destination
takes it. dlt would shorten it too, but not to the same name on each."""

_naming: Final = NamingConvention(NAME_LENGTH)


def snake_case(attribute: str) -> str:
    """An attribute's name as a column's."""
    return _naming.shorten_identifier(
        _naming.normalize_identifier(attribute), attribute, NAME_LENGTH
    )


_JSON_TYPES: Final[dict[str, pa.DataType]] = {
    **{name: pa.int64() for name in (*ID_ATTRIBUTES, *TIME_ATTRIBUTES)},
    **{name: pa.string() for name in TEXT_ATTRIBUTES},
}
_BODY: Final = pa.schema([("data", pa.list_(pa.struct(list(_JSON_TYPES.items()))))])
_TIMES: Final = pa.schema([("data", pa.list_(pa.struct([("slotStart", pa.int64())])))])

NESTED_MOST: Final = 5_000
"""Brackets that a body may hold: Arrow's reader overflows its stack on very deep records."""

EXACT: Final = 2**53
"""From here on a double does not hold every whole number."""

_PLAIN_TYPES: Final = (pa.string(), pa.int64(), pa.float64(), pa.bool_())


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
    microseconds, and whatever else the records held (text, 64-bit integer, double or boolean;
    nested values as JSON text).
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


def decode_page(body: bytes) -> Page:
    """The page that a body of `{"data": [record, …]}` holds.

    Raises `BrokenAnswerError` for a body that is not that: cut short, not JSON, an error.
    """
    return _decode_fast(body) or _decode_slowly(body)


def decode_answer(body: bytes) -> Page:
    """Like `decode_page`, but an answer at the limit has no column except `slot_start`.

    Nobody can tell whether it is whole, so it is asked for again in parts: only its times count.
    """
    if body.count(b'"slotStart"') >= LIMIT:
        options = pj.ParseOptions(explicit_schema=_TIMES, unexpected_field_behavior="ignore")
        with suppress(pa.ArrowInvalid):
            starts = _records(body, options).field("slotStart").cast(pa.timestamp("ms"))
            if len(starts) >= LIMIT:
                return Page(pa.table({"slot_start": starts.cast(UTC_TIME)}))
    return decode_page(body)


def _decode_fast(body: bytes) -> Page | None:
    """The page, or nothing where only a look at each record can tell what it holds."""
    if b"\\u0000" in body or not body.lstrip().startswith(b"{"):
        return None
    if body.count(b"{") + body.count(b"[") > NESTED_MOST:
        return None
    try:
        body.decode()
        records = _records(body, pj.ParseOptions(explicit_schema=_BODY))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    table = pa.Table.from_struct_array(records)
    unknown = [
        name
        for name in table.column_names
        if name not in _JSON_TYPES and table[name].type != pa.null()
    ]
    for name in unknown:
        if table[name].type not in _PLAIN_TYPES:
            return None
        if table[name].type == pa.float64() and not _is_exact(table[name]):
            return None
    if table["slug"].null_count or pc.any(pc.equal(table["slug"], "")).as_py():
        return None
    for name in TIME_ATTRIBUTES:
        extremes = pc.min_max(table[name]).as_py()
        earliest, latest = extremes["min"], extremes["max"]
        if earliest is not None and (earliest < TIME_MIN_MS or latest > TIME_MAX_MS):
            return None
    return Page(_page_table(table, unknown))


def _records(body: bytes, options: pj.ParseOptions) -> pa.StructArray:
    """The records of `data`, as Arrow reads them. Raises `pa.ArrowInvalid` for anything else."""
    read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    answer = pj.read_json(pa.BufferReader(body), read_options=read, parse_options=options)
    if answer.num_rows != 1 or answer["data"].null_count:
        raise pa.ArrowInvalid("not one object with a list of data")
    records = answer["data"].combine_chunks().flatten()
    if records.null_count:
        raise pa.ArrowInvalid("a record that is null")
    return records


def _decode_slowly(body: bytes) -> Page:
    try:
        answer = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_parse_int)
    except (ValueError, RecursionError) as fault:
        raise BrokenAnswerError(f"the answer is not whole JSON ({fault})") from fault
    records = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise BrokenAnswerError("the answer has no list of data")
    meetings, rejected = read_records(records)
    return Page(records_table(meetings), rejected)


def read_records(records: Sequence[Any]) -> tuple[list[dict[str, Any]], list[Rejected]]:
    """Each record as values of the right types, by Drift's names, or the reason why it is none."""
    meetings, rejected = [], []
    for record in records:
        try:
            meetings.append(_meeting(record))
        except ValueError as reason:
            slug = record.get("slug") if isinstance(record, dict) else None
            rejected.append(
                Rejected(
                    json.dumps(record),
                    str(reason),
                    _text(slug) if isinstance(slug, str) and slug else None,
                )
            )
    return meetings, rejected


def records_table(meetings: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Meetings as `read_records` returns them, as a table like `Page.meetings`."""
    unknown = list(dict.fromkeys(name for m in meetings for name in m if name not in _JSON_TYPES))
    columns = {
        name: pa.array([meeting.get(name) for meeting in meetings], kind)
        for name, kind in _JSON_TYPES.items()
    }
    variants = {}
    for name in unknown:
        values = [meeting.get(name) for meeting in meetings]
        columns[name], variant = _unknown_columns(values)
        if variant is not None:
            variants[name] = variant
    return _page_table(pa.table(columns), unknown, variants)


def _meeting(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ValueError(f"a meeting must be an object, not {_kind(record)}")
    slug = record.get("slug")
    if not isinstance(slug, str) or not slug:
        raise ValueError(f"slug, the meeting's id, must be text, not {_kind(slug)}")
    status = record.get("status")
    if status is not None and not isinstance(status, str):
        raise ValueError(f"status must be text, not {_kind(status)}")
    values = {name: _attribute(name, value) for name, value in record.items()}
    if not values["slug"]:
        raise ValueError("slug, the meeting's id, holds no character")
    return {name: value for name, value in values.items() if value is not None}


def _attribute(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ID_ATTRIBUTES:
        return _whole_number(name, value, numeric_text=True)
    if name in TIME_ATTRIBUTES:
        at = _whole_number(name, value, numeric_text=False)
        if not TIME_MIN_MS <= at <= TIME_MAX_MS:
            raise ValueError(f"{name} lies outside the years 1 to 9999: {at}")
        return at
    if isinstance(value, str):
        return _text(value)
    if name in TEXT_ATTRIBUTES or not isinstance(value, bool | int | float):
        return _text(json.dumps(value, ensure_ascii=False))
    return value


def _parse_int(digits: str) -> int | float:
    """A number of any length: Python refuses to read a very long one as a whole number."""
    return int(digits) if len(digits) < 100 else float(digits)


def _whole_number(name: str, value: Any, *, numeric_text: bool) -> int:
    """Ids come as text now and then, and both as `1.0` from languages without whole numbers."""
    number = value
    if isinstance(value, str):
        if numeric_text and len(value) < 100 and value.strip().removeprefix("-").isdecimal():
            number = int(value)
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{name} must be a whole number, not {_kind(value)}")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} does not fit into 64 bits: {number}")
    return number


def _text(value: str) -> str:
    """Without what no destination can hold: NUL characters, and halves of a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "absent"
        case "":
            return "empty"
        case bool():
            return f"a boolean ({str(value).lower()})"
        case str():
            return f"text ({_text(value)[:40]!r})"
        case int() | float():
            return f"a number ({value})"
        case list():
            return "a list"
        case _:
            return "an object"


def _unknown_columns(values: Sequence[Any]) -> tuple[pa.Array, pa.Array | None]:
    """The values of an attribute that nobody documented: those of one type, and others as text."""
    present = [type(value) for value in values if value is not None]
    numbers = [value for value in values if type(value) in (int, float)]
    kinds: tuple[type, ...] = (present[0],)
    if set(present) == {int, float} and all(abs(number) < EXACT for number in numbers):
        kinds = (float, int)
    if kinds == (int,) and not all(-(2**63) <= number < 2**63 for number in numbers):
        kinds = (str,)
    own = [value if type(value) in kinds else None for value in values]
    if float in kinds:
        own = [None if value is None else float(value) for value in own]
    rest = [None if v is None or type(v) in kinds else _as_text(v) for v in values]
    if kinds == (str,):
        return pa.array([a if a is not None else b for a, b in zip(own, rest, strict=True)]), None
    return pa.array(own), pa.array(rest, pa.string()) if any(r is not None for r in rest) else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _text(json.dumps(value))


def _page_table(
    table: pa.Table, unknown: Sequence[str], variants: Mapping[str, pa.Array] | None = None
) -> pa.Table:
    """Columns by their names in the warehouse; milliseconds as timestamps."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in ATTRIBUTES:
        column = table[name]
        if name in TIME_ATTRIBUTES:
            column = column.cast(pa.timestamp("ms")).cast(UTC_TIME)
        columns[snake_case(name)] = column
    # Names that become one: a record's first, by the alphabet, has the column, its second another.
    for name in sorted(unknown):
        column, own = table[name], _column_name(name)
        while own in columns and column.null_count < len(column):
            taken = columns[own]
            if taken.type != column.type:
                taken, column = taken.cast(pa.string()), column.cast(pa.string())
            columns[own] = pc.coalesce(taken, column)
            column = pc.if_else(taken.is_valid(), column, pa.scalar(None, column.type))
            own = f"drift_{own}"
        if column.null_count < len(column):
            columns[own] = column
        if variants and name in variants:
            columns.setdefault(variant_of(_column_name(name)), variants[name])
    return pa.table(columns)


def variant_of(name: str) -> str:
    """The column for values of another type than the first one's, named as dlt names it."""
    return f"{name}__v_text"


def _column_name(attribute: str) -> str:
    name = snake_case(attribute) if attribute.strip() else "unnamed"
    taken = {*OWN_COLUMNS, *(snake_case(documented) for documented in ATTRIBUTES)}
    return f"drift_{name}" if name in taken else name


def _is_exact(numbers: pa.ChunkedArray) -> bool:
    largest = pc.max(pc.abs(numbers)).as_py()
    return largest is None or largest < EXACT
