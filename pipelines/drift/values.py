"""Values of Drift's JSON → values that every destination can hold."""

import json
import re
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from .errors import BrokenAnswerError

UTC_TIME: Final = pa.timestamp("us", tz="UTC")

FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999
"""Years 1 to 9999 in epoch milliseconds: what a timestamp holds on every destination."""

NAME_LENGTH: Final = 50
"""The most that a column's name has: with what may be put before and behind it, every destination
takes it. dlt would shorten it too, but not to the same name on each."""

VERY_LONG: Final = re.compile(r"[0-9]{100}")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_naming: Final = NamingConvention(NAME_LENGTH)


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


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 100 else digits  # Python refuses to read very long ones


def _float(text: str) -> float | str:
    return number if isfinite(number := float(text)) else text


def clean_text(value: str) -> str:
    """Without what no destination can hold: NUL characters, and halves of a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def json_text(value: Any) -> str:
    """JSON, the same for equal values: keys in order."""
    return clean_text(json.dumps(value, ensure_ascii=False, sort_keys=True))


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
