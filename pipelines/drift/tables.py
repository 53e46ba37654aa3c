"""The raw tables: their columns, as Arrow and as dlt know them, and what each column holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TWriteDispositionConfig
from dlt.extract.hints import TResourceHints
from dlt.extract.items import DataItemWithMeta

from .values import UTC_TIME

# The keys under which dlt's BigQuery adapter leaves its hints; other destinations pass them over.
# Its module is not imported: it costs time that only BigQuery should take.
PARTITION_HINT: Final = "x-bigquery-partition"
CLUSTER_COLUMNS_HINT: Final = "x-bigquery-cluster-columns"
TABLE_DESCRIPTION_HINT: Final = "x-bigquery-table-description"

Columns = Mapping[str, tuple[TDataType, str]]

ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": UTC_TIME,
}

VERSION_KEY: Final = ("slug", "updated_at", "sync_id", "content_hash")
"""A state is told by its slug and updatedAt. The others keep apart two states with one updatedAt:
Drift has not said that every change raises it."""

# delete-insert everywhere: it drops the doubles that a load leaves behind in staging when it is
# killed and resumed, and every destination has it. A key that is loaded once deletes nothing.
MERGED: Final[TWriteDispositionConfig] = {"disposition": "merge", "strategy": "delete-insert"}

MEETING_VERSIONS: Final[Columns] = {
    "slug": ("text", "The meeting's id."),
    "updated_at": (
        "timestamp",
        "When this state came about: updatedAt, else scheduledAt, else when it was first seen.",
    ),
    "agent_id": ("bigint", "The Drift user who takes the meeting."),
    "org_id": ("bigint", "The Drift organisation."),
    "scheduler_id": ("bigint", "The contact who booked it."),
    "conversation_id": ("bigint", "The conversation it was booked in, if any."),
    "booked_by": ("bigint", "The Drift user who booked it; absent where the visitor did."),
    "event_id": ("text", "The calendar event."),
    "status": ("text", "ACTIVE, CANCELED, or another word: an open vocabulary."),
    "meeting_source": ("text", "Where it was booked, such as WIDGET: an open vocabulary."),
    "meeting_type": ("text", "The organisation's own name for this kind of meeting."),
    "end_user_time_zone": ("text", "The visitor's time zone, as Drift sent it."),
    "meeting_notes": ("text", "What the visitor wrote."),
    "slot_start": ("timestamp", "When the meeting starts."),
    "slot_end": ("timestamp", "When the meeting ends."),
    "scheduled_at": ("timestamp", "When it was booked."),
    "other_attributes": (
        "text",
        "What else Drift sent, a JSON object with Drift's names; null where nothing.",
    ),
    "is_updated_at_inferred": ("bool", "Drift sent no updatedAt with this state."),
    "known_time_zone": ("text", "end_user_time_zone, where every engine knows it; else null."),
    "content_hash": ("bigint", "A digest of all that Drift sent: tells states apart."),
    "sync_id": ("text", "The run that first saw this state; 0-… where it came from a file."),
}

SYNCS: Final[Columns] = {
    "sync_id": ("text", "The run. Ids sort by time, as text."),
    "started_at": ("timestamp", "When the run started; the models' now."),
    "finished_at": ("timestamp", "When its read was complete."),
    "window_from": ("timestamp", "Every meeting from here on was in sight during the whole read."),
    "window_to": ("timestamp", "The end of the window: far enough that nothing lies beyond."),
    "requests": ("bigint", "Answers received, the repeated ones included."),
    "meetings_seen": ("bigint", "Meetings read, rejected records included."),
    "versions_added": ("bigint", "States that the warehouse did not have."),
    "rejected": ("bigint", "Records that cannot be a meeting."),
    "gap_from": ("timestamp", "Start of the span of meeting times that no run saw whole, if any."),
    "gap_to": ("timestamp", "Its end."),
}

USERS: Final[Columns] = {
    "id": ("bigint", "The Drift user: an agent, or somebody else of the organisation."),
    "org_id": ("bigint", "The Drift organisation."),
    "name": ("text", "The user's name."),
    "alias": ("text", "The name that visitors see."),
    "email": ("text", "The user's e-mail address."),
    "phone": ("text", "The user's telephone number."),
    "locale": ("text", "The user's language."),
    "availability": ("text", "Whether the user is there, as Drift says it."),
    "role": ("text", "member, admin, agent, or another word."),
    "time_zone": ("text", "The user's time zone, as Drift sent it."),
    "avatar_url": ("text", "Where the user's picture is."),
    "is_verified": ("bool", "Drift's `verified`."),
    "is_bot": ("bool", "Drift's `bot`."),
    "created_at": ("timestamp", "When the user was created."),
    "updated_at": ("timestamp", "When the user was last changed."),
    "is_current": ("bool", "Drift lists the user; false for one who was listed once."),
    "is_gone": ("bool", "A meeting names this user, and Drift knows nothing of them any more."),
}

TEAMS: Final[Columns] = {
    "id": ("bigint", "The team."),
    "org_id": ("bigint", "The Drift organisation."),
    "workspace_id": ("text", "The workspace."),
    "name": ("text", "The team's name."),
    "owner_id": ("bigint", "The Drift user who owns the team."),
    "status": ("text", "The team's status, as Drift says it."),
    "is_main": ("bool", "Drift's `main`."),
    "updated_at": ("timestamp", "When the team was last changed."),
    "is_current": ("bool", "Drift lists the team; false for one that was listed once."),
}

CONTACTS: Final[Columns] = {
    "id": ("bigint", "The contact: meeting_versions.scheduler_id."),
    "created_at": ("timestamp", "When Drift first knew the contact."),
    "email": ("text", "The contact's e-mail address."),
    "first_name": ("text", "The contact's first name."),
    "last_name": ("text", "The contact's last name."),
    "company": ("text", "The contact's company."),
    "is_gone": ("bool", "Drift has no such contact any more, and what was known is gone too."),
    "read_at": ("timestamp", "The start of the run that read the contact."),
}

CONVERSATIONS: Final[Columns] = {
    "id": ("bigint", "The conversation: meeting_versions.conversation_id."),
    "contact_id": ("bigint", "The contact whom it is with."),
    "status": ("text", "The conversation's status, as Drift says it."),
    "playbook_id": ("text", "The playbook that it came from: relatedPlaybookId."),
    "inbox_id": ("text", "The inbox that it lies in."),
    "created_at": ("timestamp", "When it began."),
    "updated_at": ("timestamp", "When it was last changed."),
    "is_gone": ("bool", "Drift has no such conversation any more."),
    "read_at": ("timestamp", "The start of the run that read the conversation."),
}

PLAYBOOKS: Final[Columns] = {
    "id": ("bigint", "The playbook: conversations.playbook_id, as a number."),
    "name": ("text", "The playbook's name."),
    "report_type": ("text", "What it is for, such as BOOK_MORE_MEETINGS: an open vocabulary."),
    "goals": ("text", "Its goals, a JSON list of objects with id and message."),
    "created_at": ("timestamp", "When the playbook was created."),
    "updated_at": ("timestamp", "When the playbook was last changed."),
    "is_current": ("bool", "Drift lists the playbook; false for one that was listed once."),
}


@dataclass(frozen=True)
class RawTable:
    """A table that the source writes, with all of its columns whether or not a row fills them."""

    name: str
    description: str
    columns: Columns
    write_disposition: TWriteDispositionConfig
    primary_key: tuple[str, ...] = ()
    partition_day: str | None = None
    """The timestamp by whose day BigQuery partitions the table."""
    clustered_by: tuple[str, ...] = ()
    """The columns by which BigQuery keeps rows together."""

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        return pa.schema([(name, ARROW_TYPES[kind]) for name, (kind, _) in self.columns.items()])

    def hints(self, *, has_rows: bool) -> TResourceHints:
        """What dlt needs to know of it."""
        return dlt.mark.make_hints(
            table_name=self.name,
            additional_table_hints={
                "description": self.description,
                TABLE_DESCRIPTION_HINT: self.description,
                **({CLUSTER_COLUMNS_HINT: list(self.clustered_by)} if self.clustered_by else {}),
            },
            write_disposition=self.write_disposition,
            primary_key=list(self.primary_key),
            columns=[
                {
                    "name": name,
                    "data_type": kind,
                    "description": description,
                    **({PARTITION_HINT: True} if name == self.partition_day else {}),
                }
                for name, (kind, description) in self.columns.items()
            ],
            # Not for a file without rows: dlt's copy into PostgreSQL fails on it.
            file_format="parquet" if has_rows else "preferred",
        )

    def rows(self, rows: pa.Table | Sequence[Mapping[str, Any]]) -> DataItemWithMeta:
        """These rows, marked for this table."""
        if not isinstance(rows, pa.Table):
            rows = pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema)
        fields = [
            column.with_nullable(column.name not in self.primary_key) for column in rows.schema
        ]
        rows = rows.cast(pa.schema(fields))
        hints = self.hints(has_rows=rows.num_rows > 0)
        return dlt.mark.with_hints(rows, hints, create_table_variant=True)


VERSIONS: Final = RawTable(
    "meeting_versions",
    "One row for each state of a meeting that was ever seen, with all that Drift sent.",
    MEETING_VERSIONS,
    MERGED,
    VERSION_KEY,
    partition_day="updated_at",
    clustered_by=("slug",),
)
LISTED: Final = RawTable(
    "listed_meetings",
    "The meetings that the last complete read returned.",
    {
        "slug": ("text", "A meeting's id, as the last complete read returned it."),
    },
    "replace",
)
UNLISTED: Final = RawTable(
    "unlisted_meetings",
    "Each time that a meeting was no longer returned, because of its age or for another reason.",
    {
        "slug": ("text", "A meeting that was listed by the complete read before."),
        "sync_id": ("text", "The run whose complete read no longer returned it."),
    },
    MERGED,
    ("slug", "sync_id"),
)
REJECTED: Final = RawTable(
    "rejected_meetings",
    "Records that cannot be a meeting, each once.",
    {
        "record_id": ("text", "A digest of the record: one that is seen again is kept once."),
        "slug": ("text", "The meeting's id, where the record has one."),
        "raw_json": ("text", "The record."),
        "reason": ("text", "Why it cannot be a meeting."),
        "sync_id": ("text", "The run that first saw it."),
    },
    MERGED,
    ("record_id",),
)
SYNC: Final = RawTable("syncs", "One row for each complete read.", SYNCS, MERGED, ("sync_id",))
USER: Final = RawTable("users", "Drift's users, past ones included.", USERS, MERGED, ("id",))
TEAM: Final = RawTable("teams", "Drift's teams, past ones included.", TEAMS, MERGED, ("id",))
TEAM_MEMBER: Final = RawTable(
    "team_members",
    "Who belongs to which team, and who once did.",
    {
        "team_id": ("bigint", "The team."),
        "user_id": ("bigint", "A Drift user who belongs to it, or once did."),
        "is_current": ("bool", "The user belongs to the team, and Drift lists the team."),
    },
    MERGED,
    ("team_id", "user_id"),
)
CONTACT: Final = RawTable(
    "contacts",
    "The people who booked, as far as they have been read; also a column for each attribute that"
    " sources.drift.contact_attributes names.",
    CONTACTS,
    MERGED,
    ("id",),
)
CONVERSATION: Final = RawTable(
    "conversations",
    "The conversations in which meetings were booked, as far as they have been read.",
    CONVERSATIONS,
    MERGED,
    ("id",),
)
PLAYBOOK: Final = RawTable(
    "playbooks", "Drift's playbooks, past ones included.", PLAYBOOKS, MERGED, ("id",)
)
RELATED: Final = (USER, TEAM, TEAM_MEMBER, CONTACT, CONVERSATION, PLAYBOOK)
"""The tables of related records."""

FORGOTTEN: Final = RawTable(
    "forgotten_visitors",
    "The visitors of whom nothing personal is kept, whatever Drift or a file says of them.",
    {
        "visitor": ("text", "A contact's id, or the keyed hash of an e-mail address."),
        "hash_key": ("text", "The hash's key; null where that is personal_data_key, or for an id."),
        "forgotten_at": ("timestamp", "When that was asked for, or found out by the address."),
    },
    MERGED,
    ("visitor",),
)

ALL: Final = (VERSIONS, LISTED, UNLISTED, REJECTED, SYNC, *RELATED)  # what models read

KNOWN_BY: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    VERSIONS.name: (("slug", "updated_at", "sync_id"), ("slug", "updated_at", "content_hash")),
    **{table.name: (table.primary_key,) for table in (*ALL[1:], FORGOTTEN) if table.primary_key},
}
"""By table whose rows add up, the sets of columns by each of which a row is known. A version is by
what was sent, whichever run saw it first, and by that run, whatever was hashed or dropped since."""
