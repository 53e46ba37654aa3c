"""What is written of people: all of it, keyed hashes, or nothing. `sources.drift.personal_data`.

Of visitors who are to be forgotten, nothing whatever that says: they are remembered by contacts'
ids and keyed hashes of addresses. Everything that the source writes passes through here before it
is compared, digested or handed to dlt, so no load package, state or table holds more than the
setting allows.
"""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from .api import ATTRIBUTES, ID_ATTRIBUTES, TIME_ATTRIBUTES
from .decode import Page, Rejected
from .known_state import KnownState, Visitors, contact_ids
from .tables import (
    CONTACT,
    CONTACTS,
    DETAILS,
    HASHED,
    REJECTED,
    VERSION_OWN_COLUMNS,
    VERSIONS,
    RawTable,
    Row,
)
from .values import as_id

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

_HASH: Final = re.compile(rf"{HASHED}[0-9a-f]{{64}}")
_ADDRESS: Final = re.compile(r"[^\s\"'<>(),:;\\]+@[^\s\"'<>(),:;\\]+")


@dataclass(frozen=True)
class PrivacyPolicy:
    """Which personal data may be written."""

    mode: Mode = "keep"
    key: str = field(default="", repr=False)
    forgotten: frozenset[str] = frozenset()
    """Contacts' ids and keyed hashes of e-mail addresses."""
    keys: frozenset[str] = field(default=frozenset(), repr=False)
    """Those of these hashes."""
    forgotten_slugs: set[str] = field(default_factory=set, compare=False)
    """The forgotten visitors' meetings, as far as they are known."""

    @property
    def keeps(self) -> bool:
        return self.mode == "keep"

    @property
    def forgotten_ids(self) -> list[int]:
        return contact_ids(self.forgotten)

    def forgetting(self, stored: KnownState, more: Visitors | None = None) -> "PrivacyPolicy":
        """The policy that forgets those whom the destination has remembered, and `more`, too."""
        visitors = {**stored.forgotten(), **(more or {})}
        if not visitors:
            return self
        return replace(
            self,
            forgotten=frozenset(visitors),
            keys=frozenset(filter(None, (key or self.key for key in visitors.values()))),
            forgotten_slugs=stored.slugs_of(contact_ids(visitors)),
        )

    def forgets(self, address: str) -> bool:
        """Whether it is a forgotten visitor's e-mail address, or its hash."""
        hashes = (keyed_hash(key, address) for key in self.keys)
        return address in self.forgotten or not self.forgotten.isdisjoint(hashes)

    def page(self, page: Page) -> Page:
        """The same page, without what may not be written of its meetings."""
        return replace(page, meetings=self.rows(VERSIONS, page.meetings))

    def rows(self, table: RawTable, rows: pa.Table) -> pa.Table:
        """The same rows of a raw table, without what may not be written.

        A forgotten visitor's contact goes as a whole; of their meetings, whoever else a version
        may name, go notes and what nobody documented.
        """
        if self.forgotten and table.name == CONTACT.name:
            is_kept = [
                str(contact) not in self.forgotten and not (email and self.forgets(email))
                for contact, email in zip(
                    *(rows[c].to_pylist() for c in ("id", "email")), strict=True
                )
            ]
            rows = rows.filter(pa.array(is_kept, pa.bool_()))
        elif table is REJECTED:
            return pa.Table.from_pylist(self.stored_rejects(rows.to_pylist()), schema=rows.schema)
        elif self.forgotten and table is VERSIONS and "scheduler_id" in rows.column_names:
            rows = self._without_forgotten(rows)
        return rows if self.keeps else self._reduced(table, rows)

    def told_by_address(self, contacts: pa.Table, now: datetime) -> list[Row]:
        """Rows of `forgotten_visitors` for those of whom an address tells: from now on their ids
        tell, which their meetings have as well."""
        kept = self.rows(CONTACT, contacts)["id"].to_pylist()
        told = {*contacts["id"].to_pylist()} - {*kept, *self.forgotten_ids}
        return [{"visitor": str(one), "forgotten_at": now} for one in sorted(told)]

    def comparable(self, versions: pa.Table) -> pa.Table:
        """Their digests, as far as they may be compared: those of details as they may be kept."""
        is_gone = pa.scalar(not self.keeps)
        if self.keeps:
            theirs = pa.array(sorted(self.forgotten_slugs), pa.string())
            is_gone = pc.is_in(versions["slug"], theirs)
        details = pc.if_else(is_gone, pa.scalar(None, pa.int64()), versions["details_hash"])
        return pa.table({"content_hash": versions["content_hash"], "details_hash": details})

    def _without_forgotten(self, versions: pa.Table) -> pa.Table:
        ids = pa.array(self.forgotten_ids, pa.int64())
        is_theirs = pc.is_in(versions["scheduler_id"], ids)
        self.forgotten_slugs.update(versions["slug"].filter(is_theirs).to_pylist())
        is_theirs = pc.is_in(versions["slug"], pa.array(sorted(self.forgotten_slugs), pa.string()))
        for name in DETAILS:
            index = versions.column_names.index(name)
            column = pc.if_else(is_theirs, pa.scalar(None, versions[name].type), versions[name])
            versions = versions.set_column(index, name, column)
        return versions

    def _reduced(self, table: RawTable, rows: pa.Table) -> pa.Table:
        for index, name in enumerate(rows.column_names):
            change, column = self.change(table, name), rows[name]
            if change is gone:
                column = pa.nulls(len(rows), column.type)
            elif change and column.type == pa.string():
                column = _mapped(column, change)
            rows = rows.set_column(index, rows.schema.field(index), column)
        return rows

    def change(self, table: RawTable, name: str) -> Callable[[str], str | None] | None:
        """What becomes of a column's values under `hash` or `drop`: `gone` where nothing is left.

        Of attributes that nobody documented nothing is: nobody knows what is in them.
        """
        path = (table.name, name)
        if name in DETAILS:
            return gone
        if name in (*VERSION_OWN_COLUMNS, *table.primary_key):
            return None
        own = table.name == CONTACT.name and name not in CONTACTS  # contact_attributes
        if own or path in NAMES or (self.mode == "drop" and path in ADDRESSES | COMPANIES):
            return gone
        return self.hashed if path in ADDRESSES else _plain

    def hashed(self, address: str) -> str:
        """A keyed hash of an e-mail address, the same however it is spaced and capitalised."""
        return keyed_hash(self.key, address)

    def rejected(self, record: Rejected) -> Rejected:
        """The same record, reduced to those of its documented attributes that are none of notes.

        What is left is of the documented type, and the reason says nothing of the value.
        """
        if self.keeps and not self.forgotten:
            return record
        try:
            values = json.loads(record.raw_json)
        except ValueError:
            values = None
        values = values if isinstance(values, dict) else {}
        if self.keeps and not (
            str(as_id(values.get("schedulerId"))) in self.forgotten
            or record.slug in self.forgotten_slugs
            or any(map(self.forgets, _ADDRESS.findall(record.raw_json)))
        ):
            return record
        left = {
            name: value
            for name, value in values.items()
            if name in ATTRIBUTES and name != "meetingNotes" and _is_as_documented(name, value)
        }
        # The reasons are `decode`'s own words; a value stands in brackets, or behind a colon.
        reason = re.split(r" \(|: ", record.reason, maxsplit=1)[0]
        return replace(record, raw_json=json.dumps(left), reason=reason)

    def new_rejects(
        self, stored: KnownState, rejected: Sequence[Rejected], sync_id: str
    ) -> list[Row]:
        """Rows of `rejected_meetings` for what it lacks of these records."""
        known: set[str] = set()
        if rejected:
            known = set(stored.values(f"select record_id from {REJECTED.name}"))
        return [
            {"record_id": record_id, **vars(record), "sync_id": sync_id}
            for record_id, record in _numbered(map(self.rejected, rejected))
            if record_id not in known
        ]

    def stored_rejects(self, rows: Sequence[Row]) -> list[Row]:
        """The same rows of that table, reduced, and numbered anew in their order."""
        records = (Rejected(row["raw_json"], row["reason"], row["slug"]) for row in rows)
        return [
            {**row, **vars(record), "record_id": record_id}
            for row, (record_id, record) in zip(
                rows, _numbered(map(self.rejected, records)), strict=True
            )
        ]


def gone(_: str) -> None:
    """What is left of a text that may not be written."""


def keyed_hash(key: str, address: str) -> str:
    """The HMAC of an address, trimmed and in lower case; of a hash, that hash."""
    if _HASH.fullmatch(address):
        return address
    normal = address.strip().lower().encode()
    return HASHED + hmac.new(key.encode(), normal, hashlib.sha256).hexdigest()


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


def _mapped(column: pa.ChunkedArray, change: Callable[[str], str | None]) -> pa.ChunkedArray:
    """Each distinct text changed once."""
    distinct = column.unique()
    changed = [None if text is None else change(text) for text in distinct.to_pylist()]
    if changed == distinct.to_pylist():
        return column
    return pa.array(changed, pa.string()).take(pc.index_in(column, distinct))


def _numbered(rejected: Iterable[Rejected]) -> Iterator[tuple[str, Rejected]]:
    """Each record with its id, a digest: equal ones are told apart by their number."""
    times: Counter[str] = Counter()
    for record in rejected:
        text = f"{times[record.raw_json]}:{record.raw_json}"
        times[record.raw_json] += 1
        yield hashlib.sha256(text.encode()).hexdigest()[:32], record
