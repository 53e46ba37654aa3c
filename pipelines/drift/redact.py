"""What is stored, as `sources.drift.personal_data` now says, and without the visitors who are to be
forgotten: plain statements, in one transaction at the destination.

No version changes its identity: its `content_hash` holds nothing that has to go. A visitor is
remembered: a read or an import that meets one keeps nothing personal of theirs.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.configuration.inject import with_config
from dlt.extract import DltResource

from .api import DriftError
from .known_state import KnownState, contact_ids, listed, opened, transpile
from .privacy import PrivacyPolicy, gone, keyed_hash, policy_of
from .tables import CONTACT, DETAILS, FORGOTTEN, REJECTED, USER, VERSIONS, RawTable, Row
from .values import as_id

MOST: Final = 500
"""Values that one statement changes."""


class VisitorError(DriftError):
    """Neither an e-mail address nor a contact's id."""

    exit_code = 2


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
    with opened(pipeline) as stored:
        known = stored.forgotten()
        visitors: dict[str, str | None] = {str(number): None}
        if number is None:
            key = None if policy.key else next(filter(None, known.values()), secrets.token_hex(32))
            visitors = {keyed_hash(key or policy.key, visitor): key}
            theirs = policy.forgetting(stored, visitors)
            columns = pa.schema([CONTACT.schema.field(name) for name in ("id", "email")])
            every = stored.table(f"select id, email from {CONTACT.name}", columns).to_pylist()
            same = (row["id"] for row in every if theirs.forgets(row["email"] or ""))
            visitors |= dict.fromkeys(map(str, same))
        ids = contact_ids(visitors)
        contacts, slugs = _contacts(stored, ids), stored.slugs_of(ids)
    found = f"contacts: {contacts:,}; meetings, which still count: {len(slugs):,}"
    if not contacts and not slugs:
        found = "nobody who is known here; what comes later will not be kept"
    again = " (asked for before)" * (visitors.keys() <= known.keys())
    now = datetime.now(UTC)
    rows = [{"visitor": v, "hash_key": visitors[v], "forgotten_at": now} for v in visitors]
    return [row for row in rows if row["visitor"] not in known], found + again


@dlt.source(name="drift", max_table_nesting=0)
def remembered(visitors: Sequence[Row]) -> DltResource:
    """The resource `forgotten_visitors`: new rows for the table of that name."""
    return dlt.resource([FORGOTTEN.rows(visitors)], name=FORGOTTEN.name)


def holds_forgotten(pipeline: dlt.Pipeline) -> bool:
    """Whether the destination has contacts, notes or undocumented attributes of the forgotten."""
    with opened(pipeline) as stored:
        ids = contact_ids(stored.forgotten())
        more = " and (meeting_notes is not null or other_attributes is not null)"
        return bool(_contacts(stored, ids) or stored.slugs_of(ids, more))


@with_config(sections=("sources", "drift"))
def redact(
    pipeline: dlt.Pipeline,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> None:
    """Removes from all tables what may not be kept. The settings are those of `drift_source`."""
    pipeline.activate()
    if pipeline.default_schema_name is None:
        pipeline.sync_destination()
    if pipeline.default_schema_name is None or VERSIONS.name not in pipeline.default_schema.tables:
        return  # nothing is stored
    contacts = pipeline.default_schema.tables[CONTACT.name]["columns"]
    with opened(pipeline) as stored:
        policy = policy_of(personal_data, personal_data_key).forgetting(stored)
        statements = list(statements_of(stored, policy, contacts))
        client = stored.client
        has_transactions = client.capabilities.supports_transactions is not False
        with client.begin_transaction() if has_transactions else nullcontext():
            client.execute_many([transpile(client, statement) for statement in statements])


def statements_of(
    stored: KnownState, policy: PrivacyPolicy, contacts: Mapping[str, Any]
) -> Iterator[str]:
    """What removes it, in DuckDB's SQL. `contacts` are the columns of that table."""
    yield from _forgetting(policy)
    yield from _reducing(stored, policy, contacts)
    yield from _of_rejected(stored, policy)


def _forgetting(policy: PrivacyPolicy) -> Iterator[str]:
    if ids := policy.forgotten_ids:
        theirs = f"select slug from {VERSIONS.name} where scheduler_id in ({listed(ids)})"
        yield f"update {VERSIONS.name} set {_nulls(DETAILS)} where slug in ({theirs})"
        yield f"delete from {CONTACT.name} where id in ({listed(ids)})"


def _reducing(
    stored: KnownState, policy: PrivacyPolicy, contacts: Mapping[str, Any]
) -> Iterator[str]:
    """What `hash` or `drop` take away, of `contacts` also what its own attributes have brought."""
    for table in () if policy.keeps else (VERSIONS, USER, CONTACT):
        own = [name for name in contacts if not name.startswith("_dlt")]
        changes = {
            name: change
            for name in (own if table is CONTACT else table.columns)
            if (change := policy.change(table, name))
        }
        absent = [name for name, change in changes.items() if change is gone]
        some = " or ".join(f'"{name}" is not null' for name in absent)
        yield f"update {table.name} set {_nulls(absent)} where {some}"
        for name, change in changes.items():
            if change is not gone and table.columns[name][0] == "text":
                yield from _changed(stored, table, name, change)


def _changed(
    stored: KnownState, table: RawTable, name: str, change: Callable[[str], str | None]
) -> Iterator[str]:
    values = stored.values(f"select distinct {name} from {table.name} where {name} is not null")
    changed = {value: {name: new} for value in values if (new := change(value)) != value}
    yield from _updates(table, name, changed)


def _of_rejected(stored: KnownState, policy: PrivacyPolicy) -> Iterator[str]:
    query = f"select {', '.join(REJECTED.columns)} from {REJECTED.name}"
    query += " order by sync_id, reason, record_id"
    rows = stored.table(query, REJECTED.schema).to_pylist()
    changed = {
        row["record_id"]: {name: new[name] for name in ("record_id", "raw_json", "reason")}
        for row, new in zip(rows, policy.stored_rejects(rows), strict=True)
        if new != row
    }
    yield from _updates(REJECTED, "record_id", changed)


def _updates(
    table: RawTable, key: str, changed: Mapping[str, Mapping[str, str | None]]
) -> Iterator[str]:
    """Sets columns in rows that are told by a key, to the values by that."""
    for first in range(0, len(changed), MOST):
        some = list(changed)[first : first + MOST]
        cases = [
            f"{name} = case {key} "
            + " ".join(f"when {_literal(at)} then {_literal(changed[at][name])}" for at in some)
            + " end"
            for name in changed[some[0]]
        ]
        keys = ", ".join(map(_literal, some))
        yield f"update {table.name} set {', '.join(cases)} where {key} in ({keys})"


def _nulls(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" = null' for name in names)


def _literal(value: str | None) -> str:
    # With its type: to BigQuery, a bare null is a number.
    return "cast(null as varchar)" if value is None else "'" + value.replace("'", "''") + "'"


def _contacts(stored: KnownState, ids: Sequence[int]) -> int:
    """How many of these contacts there are."""
    query = f"select id from {CONTACT.name} where id in ({listed(ids)})"
    return len(stored.values(query)) if ids else 0
