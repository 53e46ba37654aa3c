"""The dlt source `drift`: booked meetings with every state seen, and the records that they name.

This file declares; the work is done behind it. In the order in which a page of meetings passes:
`meetings` (one complete read), `windows` (which spans are asked for), `client` and `api` (one
request), `decode` (bytes to Arrow), `privacy` (what may be written), `versions` (what is new),
`trust` (what is accepted), `tables` (what is written). `related` reads users, teams and playbooks,
`details` contacts and conversations. `reading` is what all of them are given, `known_state` what
the destination has, `values` how a value of Drift's is read. `import_files` is a source of its own:
meetings from `saved_files`, or the tables of an archive. `redact` removes from what is stored what
may not be kept, and whoever is to be forgotten.
"""

from datetime import datetime, timedelta

import dlt
from dlt.extract import DltResource

from .api import BASE_URL, DriftError
from .client import DriftClient
from .details import (
    attribute_columns,
    is_waiting,
    read_contacts,
    read_conversations,
    read_single_conversations,
)
from .meetings import Acceptance, read_meetings
from .privacy import policy_of
from .reading import Reading, check_read, last_read, summary
from .related import read_playbooks, read_teams, read_users

__all__ = [
    "DriftError",
    "check_read",
    "drift_source",
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
        access_token: A token. `README.md` has the scope that each request needs.
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
            may lack and be accepted (see `check_read`); 20 may always go missing.
        accept_delisted: Whether it may lack any number.
        accept_organisation: Whether it may have meetings of another organisation than those loaded.
        started_at: When this run starts, where that is not now.

    Returns:
        The resources `meetings`, `users`, `teams`, `playbooks`, `conversations`, `contacts` and
        `conversations_by_id`. Each loads what is new or changed. A resource that is switched off
        loads nothing.
    """
    policy = policy_of(personal_data, personal_data_key)
    client = DriftClient(
        base_url,
        access_token,
        max_connections=requests_in_flight,
        deadline_seconds=deadline_seconds,
        quotes_drift=policy.keeps,
    )
    reading = Reading(client, policy, full_refresh, started_at, contacts_seconds)
    acceptance = Acceptance(max_delisted_share, accept_delisted, accept_organisation)
    cursor = dlt.sources.incremental[datetime](
        "updated_at", primary_key=(), lag=overlap_hours * 3600
    )
    further = attribute_columns(contact_attributes or [])
    refresh, most = timedelta(days=contact_refresh_days), contacts_per_run
    # One resource after another, in this order: what meetings name, the others read.
    dlt.config["sources.drift.extract.next_item_mode"] = "fifo"
    return [
        read_meetings(reading, acceptance, cursor),
        _if(users, read_users(reading)),
        _if(teams, read_teams(reading)),
        _if(playbooks, read_playbooks(reading)),
        _if(conversations, read_conversations(reading)),
        _if(contacts, read_contacts(reading, further, most, refresh)),
        _if(conversations, read_single_conversations(reading, most)),
    ]


def _if(is_on: bool, resource: DltResource) -> DltResource:
    """The resource, or one of its name that loads nothing."""
    return resource if is_on else dlt.resource([], name=resource.name)
