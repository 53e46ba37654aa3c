"""What is written of people: all of it, keyed hashes, or nothing. `sources.drift.personal_data`.

Everything that the source writes passes through here before it is compared, digested or handed to
dlt, so no load package, state or table holds more than the setting allows.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from .api import ATTRIBUTES, ID_ATTRIBUTES, TIME_ATTRIBUTES
from .decode import OTHERS, Rejected
from .tables import VERSIONS, RawTable
from .values import json_text
from .versions import OWN_COLUMNS

Mode = Literal["keep", "hash", "drop"]
MODES: Final = ("keep", "hash", "drop")

ADDRESSES: Final = {("users", "email"), ("contacts", "email")}
"""Hashed under `hash`, absent under `drop`: what tells that two rows are the same person."""

COMPANIES: Final = {("contacts", "company")}
"""Kept under `hash`, absent under `drop`: as a rule an organisation, now and then a person."""

NAMES: Final = {
    ("meeting_versions", "meeting_notes"),
    ("users", "name"),
    ("users", "alias"),
    ("users", "phone"),
    ("users", "avatar_url"),
    ("contacts", "first_name"),
    ("contacts", "last_name"),
}
"""Absent under both: names, notes, and what no table needs to be joined by."""

HASHED: Final = "hashed:"
_HASH: Final = re.compile(rf"{HASHED}[0-9a-f]{{64}}")


@dataclass(frozen=True)
class PrivacyPolicy:
    """Which personal data may be written."""

    mode: Mode = "keep"
    key: str = field(default="", repr=False)

    @property
    def keeps(self) -> bool:
        return self.mode == "keep"

    def meetings(self, page: pa.Table) -> pa.Table:
        """The same meetings, as `decode.Page` has them, without what may not be written."""
        return self.rows(VERSIONS, page)

    def rows(self, table: RawTable, rows: pa.Table) -> pa.Table:
        """The same rows of a raw table, without what may not be written.

        Of attributes that nobody documented only true and false are left: nobody knows what is in
        a text, and a number may be a telephone's.
        """
        if self.keeps:
            return rows
        for index, name in enumerate(rows.column_names):
            path, column = (table.name, name), rows[name]
            if name in OWN_COLUMNS or name in table.primary_key:
                continue
            if path in NAMES or (self.mode == "drop" and path in ADDRESSES | COMPANIES):
                column = pa.nulls(len(rows), column.type)
            elif path in ADDRESSES:
                column = _mapped(column, self.hashed)
            elif name == OTHERS:
                column = _mapped(column, _flags)
            elif column.type == pa.string():
                column = _mapped(column, _plain)
            rows = rows.set_column(index, rows.schema.field(index), column)
        return rows

    def hashed(self, address: str) -> str:
        """A keyed hash of an e-mail address, the same however it is spaced and capitalised."""
        if _HASH.fullmatch(address):
            return address
        normal = address.strip().lower().encode()
        return HASHED + hmac.new(self.key.encode(), normal, hashlib.sha256).hexdigest()

    def rejected(self, record: Rejected) -> Rejected:
        """The same record, reduced to those of its documented attributes that are none of notes.

        What is left is of the documented type, and the reason says nothing of the value.
        """
        if self.keeps:
            return record
        try:
            values = json.loads(record.raw_json)
        except ValueError:
            values = None
        left = {
            name: value
            for name, value in (values.items() if isinstance(values, dict) else ())
            if name in ATTRIBUTES and name != "meetingNotes" and _is_as_documented(name, value)
        }
        # The reasons are `decode`'s own words; a value stands in brackets, or behind a colon.
        reason = re.split(r" \(|: ", record.reason, maxsplit=1)[0]
        return replace(record, raw_json=json.dumps(left), reason=reason)


def policy_of(mode: str, key: str | None) -> PrivacyPolicy:
    """The policy that the settings ask for. Raises `ValueError` for one that cannot be."""
    if mode not in MODES or (mode == "hash" and not (key and key.strip())):
        raise ValueError("personal_data must be keep, drop, or hash with a personal_data_key")
    return PrivacyPolicy(cast(Mode, mode), key or "")


def _is_as_documented(name: str, value: Any) -> bool:
    if name in ID_ATTRIBUTES or name in TIME_ATTRIBUTES:
        return type(value) is int
    return isinstance(value, str) and _plain(value) is not None


def _plain(value: str) -> str | None:
    """The text, unless it is a list or an object written as one: nobody knows what is in it."""
    if value[:1] not in ("{", "["):
        return value
    try:
        json.loads(value)
    except ValueError:
        return value
    return None


def _flags(others: str) -> str | None:
    """Of a JSON object, what is true or false."""
    flags = {k: v for k, v in json.loads(others).items() if isinstance(v, bool)}
    return json_text(flags) if flags else None


def _mapped(column: pa.ChunkedArray, change: Callable[[str], str | None]) -> pa.ChunkedArray:
    """Each distinct text changed once."""
    distinct = column.unique()
    changed = [None if text is None else change(text) for text in distinct.to_pylist()]
    if changed == distinct.to_pylist():
        return column
    return pa.array(changed, pa.string()).take(pc.index_in(column, distinct))
