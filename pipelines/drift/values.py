"""Values of Drift's JSON → values that every destination can hold."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.normalizers.naming.snake_case import NamingConvention
from requests import RequestException

FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999
"""Years 1 to 9999 in epoch milliseconds: what a timestamp holds on every destination."""

NAME_LENGTH: Final = 50
"""The most that a column's name has: with what may be put before and behind it, every destination
takes it. dlt would shorten it too, but not to the same name on each."""

VERY_LONG: Final = re.compile(r"[0-9]{100}")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_naming: Final = NamingConvention(NAME_LENGTH)


class BrokenAnswerError(RequestException):
    """A body that is not the whole answer: cut short, not JSON, or an error with status 200.

    The client asks again, as after every other fault of a request.
    """


def to_milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, cut down to a whole one."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(at: int) -> datetime:
    """A UTC datetime. `at` must lie within `FIRST_MS` and `LAST_MS`."""
    return _EPOCH + timedelta(milliseconds=at)


def snake_case(attribute: str) -> str:
    """An attribute's name as a column's."""
    return _naming.shorten_identifier(
        _naming.normalize_identifier(attribute), attribute, NAME_LENGTH
    )


def parse_json(body: bytes) -> Any:
    """A body's JSON: integers exact, invalid UTF-8 replaced, what no number can hold as text.

    Raises `BrokenAnswerError` for a body that is not one JSON value.
    """
    text = body.decode("utf-8-sig", "replace")
    as_integer = _integer if VERY_LONG.search(text) else None  # a call for each would cost more
    try:
        return json.loads(text, parse_int=as_integer, parse_float=_float, parse_constant=str)
    except (ValueError, RecursionError) as fault:
        raise BrokenAnswerError(f"the answer is not whole JSON ({fault})") from fault


def json_values(text: str) -> Iterator[Any]:
    """The JSON values that stand one after another in a text, read like that.

    Raises `json.JSONDecodeError` where one is not whole.
    """
    decoder = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=str)
    at, space = 0, re.compile(r"\s*")
    while (begin := space.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        value, at = decoder.raw_decode(text, begin)
        yield value


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 100 else digits  # Python refuses to read very long ones


def _float(text: str) -> float | str:
    return number if isfinite(number := float(text)) else text


def clean_text(value: str) -> str:
    """Without what no destination can hold: NUL characters, and halves of a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def json_text(value: Any) -> str:
    """JSON, the same for equal values: keys in order."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # integers beyond 64 bits, halves of a pair, depth
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return clean_text(text)


def as_text(value: Any) -> str | None:
    """Text as it is, anything else as JSON, nothing for nothing."""
    if value is None:
        return None
    return clean_text(value) if isinstance(value, str) else json_text(value)


def whole_number(name: str, value: Any, *, numeric_text: bool) -> int:
    """An integer of 64 bits. Also from `1.0`, and with `numeric_text` from `"1"`.

    Raises `ValueError` for anything else; the message names the attribute.
    """
    number = value
    if isinstance(value, str):
        if numeric_text and len(value) < 100 and value.strip().removeprefix("-").isdecimal():
            number = int(value)
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{name} must be a whole number, not {kind_of(value)}")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} does not fit into 64 bits: {number}")
    return number


def as_id(value: Any) -> int | None:
    """An id, also from a number's text; nothing where there is none."""
    if type(value) is int and 0 <= value < 2**63:  # as almost all are
        return value
    try:
        return None if value is None else whole_number("id", value, numeric_text=True)
    except ValueError:
        return None


def as_flag(value: Any) -> bool | None:
    """True or false; nothing for anything else."""
    return value if isinstance(value, bool) else None


def as_milliseconds(value: Any) -> int | None:
    """A time in epoch milliseconds; nothing where there is none that a timestamp holds."""
    at = as_id(value)
    return at if at is not None and FIRST_MS <= at <= LAST_MS else None


def as_time(value: Any) -> datetime | None:
    """A UTC datetime from epoch milliseconds; nothing where there are none."""
    at = as_milliseconds(value)
    return None if at is None else from_milliseconds(at)


def kind_of(value: Any) -> str:
    """What a value is, for the reason of a rejection."""
    match value:
        case None:
            return "absent"
        case "":
            return "empty"
        case bool():
            return f"a boolean ({str(value).lower()})"
        case str():
            return f"text ({clean_text(value)[:40]!r})"
        case int() | float():
            return f"a number ({value})"
        case list():
            return "a list"
        case _:
            return "an object"


# --- related records


def data_records(body: bytes) -> list[Any]:
    """The records of `data`, a list or a map by id. Raises `BrokenAnswerError`."""
    data = _data(body)
    return list(data.values()) if isinstance(data, dict) else data


def bare_records(body: bytes) -> list[Any]:
    """The records of a bare array. Raises `BrokenAnswerError`."""
    records = parse_json(body)
    if not isinstance(records, list):
        raise BrokenAnswerError("the answer is no list")
    return records


def data_object(body: bytes) -> Mapping[str, Any]:
    """The one object in `data`. Raises `BrokenAnswerError`."""
    data = _data(body)
    if not isinstance(data, dict):
        raise BrokenAnswerError("the answer's data is no object")
    return data


def _data(body: bytes) -> Any:
    answer = parse_json(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict | list):
        raise BrokenAnswerError("the answer has no data")
    return answer["data"]


OWN_COLUMNS: Final = ("is_current", "is_gone", "read_at", "known_time_zone")
"""What the source adds to a record."""

RENAMED: Final = {
    "is_verified": "verified",
    "is_bot": "bot",
    "is_main": "main",
    "owner_id": "owner",
    "playbook_id": "relatedPlaybookId",
}
"""Attributes whose columns have other names."""

CONVERTED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "bigint": as_id,
    "text": as_text,
    "bool": as_flag,
    "timestamp": as_time,
}


def record_values(
    columns: Mapping[str, tuple[str, str]], record: Mapping[str, Any]
) -> dict[str, Any]:
    """A record's values by columns with their types: each is Drift's attribute of the same name.

    Absent or unusable values are null. Columns that the source adds itself are left out.
    """
    return {
        column: CONVERTED[kind](record.get(_attribute(column)))
        for column, (kind, _) in columns.items()
        if column not in OWN_COLUMNS
    }


@cache
def _attribute(column: str) -> str:
    first, *rest = column.split("_")
    return RENAMED.get(column, first + "".join(map(str.capitalize, rest)))


# --- time zones: one unknown id fails a whole model, so only checked ids reach SQL. The list is
# IANA's own, as the package `tzdata` carries it; DuckDB and PostgreSQL were compared on each.

LINKED: Final = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
}
"""Old ids that PostgreSQL takes for abbreviations without summer time, by what they stand for."""


@cache
def known_zones() -> frozenset[str]:
    """Every id in IANA's list, spelled as there."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def _lookup() -> tuple[pa.Array, pa.Array]:
    ids = sorted(known_zones())
    return pa.array(ids), pa.array([LINKED.get(zone, zone) for zone in ids])


def checked_zones(zones: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same ids, null where one is not in the list."""
    ids, targets = _lookup()
    return targets.take(pc.index_in(zones, ids))


def checked_zone(zone: str | None) -> str | None:
    """One id, null where it is not in the list."""
    return LINKED.get(zone, zone) if zone and zone in known_zones() else None
