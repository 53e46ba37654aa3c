"""The dlt source `drift`: booked meetings with every state seen, and the records that they name.

This file declares; the work is done behind it. In the order in which a page of meetings passes:
`meetings` (one complete read), `windows` (which spans are asked for), `client` and `endpoints` (one
request), `decode` (bytes to Arrow), `privacy` (what may be written), `versions` (what is new),
`known_state` (what the destination has), `tables` (what is written). `related` reads users, teams
and playbooks, `conversation_report` conversations in bulk, `read_by_id` contacts, and the other
conversations. Sources of their own: `import_files`
(meetings from files) and `redact` (what is stored, written anew; `forgotten` says without whom).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

from . import endpoints, records, tables
from .api import BASE_URL
from .client import DriftClient
from .conversation_report import read_conversations
from .errors import DriftError
from .forgotten import holds_forgotten
from .meetings import read_meetings
from .privacy import policy_of
from .read_by_id import Wanted, read_by_id
from .related import read_playbooks, read_teams, read_users, summary
from .run import Run, last_read
from .trust import believe
from .waiting import is_waiting, wanted_records

__all__ = [
    "DriftError",
    "believe",
    "drift_source",
    "holds_forgotten",
    "is_waiting",
    "last_read",
    "summary",
]


@dlt.source(name="drift", max_table_nesting=0)
def drift_source(
    base_url: str = BASE_URL,
    access_token: str = dlt.secrets.value,
    overlap_hours: float = 24.0,
    requests_in_flight: int = 6,
    deadline_seconds: float = 3600.0,
    users: bool = True,
    teams: bool = True,
    playbooks: bool = True,
    contacts: bool = True,
    conversations: bool = True,
    contacts_seconds: float = 60.0,
    contacts_per_run: int = 100_000,
    contact_refresh_days: float = 30.0,
    contact_attributes: list[str] | None = None,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
    full_refresh: bool = False,
    max_delisted_share: float = 0.2,
    accept_delisted: bool = False,
    accept_organisation: bool = False,
    started_at: datetime | None = None,
) -> list[DltResource]:
    """Booked meetings, and the records that they name.

    Args:
        base_url: Where Drift's API answers.
        access_token: A token. `endpoints` has the scope that each resource needs.
        overlap_hours: How far behind the newest `updatedAt` the cursor stays, for versions that
            Drift commits late.
        requests_in_flight: The most requests under way at once.
        deadline_seconds: The longest that a run asks Drift, from its read of meetings on.
        users: Whether to read users.
        teams: Whether to read teams and who belongs to them.
        playbooks: Whether to read playbooks.
        contacts: Whether to read the contacts who booked.
        conversations: Whether to read the conversations in which meetings were booked.
        contacts_seconds: The longest that a run spends on contacts, and on conversations that are
            read one by one; what is left goes to the next runs.
        contacts_per_run: The most contacts that one run asks for, and the most such conversations.
        contact_refresh_days: A contact is read again when this old, if a meeting of its changed.
        contact_attributes: Attributes of contacts to keep, by Drift's names, beside the usual.
        personal_data: keep, hash or drop: see `privacy`.
        personal_data_key: The key of the hash.
        full_refresh: Read without what the last run left, and ask again for records that were
            gone. Drops nothing.
        max_delisted_share: The share of the meetings listed, and still to be in sight, that a read
            may lack and be believed (see `believe`); 20 may always go missing.
        accept_delisted: Whether it may lack any number.
        accept_organisation: Whether it may have meetings of another organisation than those loaded.
        started_at: When this run starts, where that is not now.

    Returns:
        The resources `meetings`, `users`, `teams`, `playbooks`, `conversations`, `contacts` and
        `conversations_by_id`. Each loads what is new or changed. A resource that is switched off
        loads nothing.
    """
    configured = policy_of(personal_data, personal_data_key)
    client = DriftClient(
        base_url,
        access_token,
        max_connections=requests_in_flight,
        deadline_seconds=deadline_seconds,
        quotes_drift=configured.keeps,
    )
    run = Run(
        client,
        configured,
        requests_in_flight,
        started_at or datetime.now(UTC),
        full_refresh,
        contacts_seconds,
        accept_delisted,
        accept_organisation,
        max_delisted_share,
    )
    cursor = dlt.sources.incremental[datetime](
        "updated_at", primary_key=(), lag=overlap_hours * 3600
    )
    further = records.attribute_columns(contact_attributes or [])
    refresh = timedelta(days=contact_refresh_days)
    return [
        meetings_resource(run, cursor),
        users_resource(run, is_on=users),
        teams_resource(run, is_on=teams),
        playbooks_resource(run, is_on=playbooks),
        conversations_resource(run, is_on=conversations),
        contacts_resource(run, further, contacts_per_run, refresh, is_on=contacts),
        conversations_by_id_resource(run, contacts_per_run, is_on=conversations),
    ]


@dlt.resource(name="meetings")
def meetings_resource(
    run: Run,
    updated: dlt.sources.incremental[datetime] = dlt.sources.incremental("updated_at"),  # noqa: B008
) -> Iterator[Any]:
    """Every state of each meeting in sight, from 30 days ago to the end of time.

    Tables: `meeting_versions`, `listed_meetings`, `unlisted_meetings`, `rejected_meetings`,
    `syncs`. A read is complete, or it raises `DriftError` and nothing of it is loaded; whether what
    it says is believed, `believe` says.
    """
    yield from read_meetings(run, updated)


@dlt.resource(name="users")
def users_resource(run: Run, is_on: bool) -> Iterator[Any]:
    """Table `users`: those of Drift's list, and agents of meetings who are not in it."""
    if is_on:
        yield from read_users(run)


@dlt.resource(name="teams")
def teams_resource(run: Run, is_on: bool) -> Iterator[Any]:
    """Tables `teams` and `team_members`. A team or member that leaves stays, marked."""
    if is_on:
        yield from read_teams(run)


@dlt.resource(name="playbooks")
def playbooks_resource(run: Run, is_on: bool) -> Iterator[Any]:
    """Table `playbooks`. One that vanishes from Drift's list stays, marked."""
    if is_on:
        yield from read_playbooks(run)


@dlt.resource(name="conversations")
def conversations_resource(run: Run, is_on: bool) -> Iterator[Any]:
    """Table `conversations`: those in which meetings were booked, by a report on many of them."""
    if is_on:
        yield from read_conversations(run)


@dlt.resource(name="contacts")
def contacts_resource(
    run: Run, further: dict[str, str], most: int, refresh: timedelta, is_on: bool
) -> Iterator[Any]:
    """Table `contacts`: who booked the meetings that are loaded, one request each.

    `further` has columns by the attributes that they hold, beside the usual ones.
    """
    if not is_on:
        return
    extra: tables.Columns = {
        column: ("text", f"The attribute {name}.") for name, column in further.items()
    }
    table = replace(tables.CONTACT, columns={**tables.CONTACTS, **extra})

    def decode(body: bytes) -> records.Row:
        return records.contact_row(body, further)

    yield from run.wait_for_meetings()
    ids = wanted_records(run, table, "scheduler_id", run.read_at() - refresh)["id"].to_pylist()
    share = 0.5 if run.single_conversations else 1.0
    yield from read_by_id(run, Wanted(endpoints.CONTACT, table, decode, most), ids, share=share)


@dlt.resource(name="conversations_by_id")
def conversations_by_id_resource(run: Run, most: int, is_on: bool) -> Iterator[Any]:
    """Table `conversations`: those that the report does not have, one request each."""
    if not is_on:
        return
    table, decode = tables.CONVERSATION, records.conversation_row
    yield from run.wait_for_meetings()
    yield from run.wait_for_report()
    ids = run.single_conversations
    if ids is None:
        ids = wanted_records(run, table, "conversation_id")["id"].to_pylist()
    yield from read_by_id(run, Wanted(endpoints.CONVERSATION, table, decode, most), ids)
