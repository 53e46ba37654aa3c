"""Visitors who are to be forgotten: remembered by contacts' ids, and keyed hashes of addresses.

A read or an import that meets one of them keeps nothing personal of theirs. Where a contact's
address alone tells, the contact's id is remembered from then on.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dlt
import pyarrow as pa
from dlt.common.configuration.inject import with_config

from .errors import VisitorError
from .known_state import Destination, KnownState
from .privacy import PrivacyPolicy, keyed_hash, policy_of
from .records import Row
from .tables import CONTACT, FORGOTTEN, VERSIONS
from .values import as_id

Visitors = Mapping[str, str | None]
"""Contacts' ids, and hashes of addresses with the keys that are not `personal_data_key`."""

SLUG = pa.schema([("slug", pa.string())])
CONTACTS = pa.schema([("id", pa.int64()), ("email", pa.string())])


def forgetting(
    policy: PrivacyPolicy, stored: KnownState, more: Visitors | None = None
) -> PrivacyPolicy:
    """The policy that forgets those whom the destination has remembered, and `more`, too."""
    visitors = {**_remembered(stored), **(more or {})}
    if not visitors:
        return policy
    policy = replace(
        policy,
        forgotten=frozenset(visitors),
        keys=frozenset(filter(None, (key or policy.key for key in visitors.values()))),
    )
    return replace(policy, forgotten_slugs=_slugs(stored, policy.forgotten_ids))


@with_config(sections=("sources", "drift"))
def remember(
    pipeline: dlt.Pipeline,
    visitor: str,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> tuple[list[Row], str]:
    """Rows for `forgotten_visitors`, and in words what the destination has of them.

    `visitor` is a contact's id, or an e-mail address: all contacts that have it are meant. Raises
    `VisitorError` where it is neither. The settings are those of `drift_source`.
    """
    policy, number = policy_of(personal_data, personal_data_key), as_id(visitor)
    if number is None and not re.fullmatch(r"[^@\s]+@[^@\s]+", visitor.strip()):
        raise VisitorError(
            "--forget takes an e-mail address, or a contact's id, which is a number."
        )
    pipeline.activate()
    with Destination().open() as stored:
        known = _remembered(stored)
        visitors: dict[str, str | None] = {str(number): None}
        if number is None:
            key = None if policy.key else next(filter(None, known.values()), secrets.token_hex(32))
            visitors = {keyed_hash(key or policy.key, visitor): key}
            theirs = forgetting(policy, stored, visitors)
            every = stored.table(f"select id, email from {CONTACT.name}", CONTACTS, CONTACT)
            same = (row["id"] for row in every.to_pylist() if theirs.forgets(row["email"] or ""))
            visitors |= dict.fromkeys(map(str, same))
        ids = PrivacyPolicy(forgotten=frozenset(visitors)).forgotten_ids
        contacts, slugs = _contacts(stored, ids), _slugs(stored, ids)
    found = f"contacts: {contacts:,}; meetings, which still count: {len(slugs):,}"
    if not contacts and not slugs:
        found = "nobody who is known here; nothing that comes later is kept"
    again = " (asked for before)" * (visitors.keys() <= known.keys())
    now = datetime.now(UTC)
    rows = [{"visitor": v, "hash_key": visitors[v], "forgotten_at": now} for v in visitors]
    return [row for row in rows if row["visitor"] not in known], found + again


def holds_forgotten(pipeline: dlt.Pipeline) -> bool:
    """Whether the destination has contacts, notes or undocumented attributes of the forgotten."""
    pipeline.activate()
    with Destination().open() as stored:
        ids = forgetting(PrivacyPolicy(), stored).forgotten_ids
        more = " and (meeting_notes is not null or other_attributes is not null)"
        return bool(_contacts(stored, ids) or _slugs(stored, ids, more))


def _remembered(stored: KnownState) -> Visitors:
    query = f"select {', '.join(FORGOTTEN.columns)} from {FORGOTTEN.name}"
    rows = stored.table(query, FORGOTTEN.schema, FORGOTTEN).to_pylist()
    return {row["visitor"]: row["hash_key"] for row in rows}


def _contacts(stored: KnownState, ids: Sequence[int]) -> int:
    """How many of these contacts there are."""
    query = f"select id, email from {CONTACT.name} where id in ({_listed(ids)})"
    return int(stored.table(query, CONTACTS, CONTACT).num_rows) if ids else 0


def _slugs(stored: KnownState, ids: Sequence[int], more: str = "") -> set[str]:
    """The meetings of which a version names one of these contacts, if one fulfils `more`."""
    theirs = f"select slug from {VERSIONS.name} where scheduler_id in ({_listed(ids)})"
    query = f"select distinct slug from {VERSIONS.name} where slug in ({theirs}){more}"
    return set(stored.table(query, SLUG, VERSIONS)["slug"].to_pylist()) if ids else set()


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids)))
