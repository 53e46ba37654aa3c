"""The raw tables: their columns, as Arrow and as dlt know them, and what each column holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.data_types import TDataType
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.schema.typing import TWriteDispositionConfig
from dlt.extract.hints import TResourceHints
from dlt.extract.items import DataItemWithMeta

# The keys under which dlt's BigQuery adapter leaves its hints; other destinations pass them over.
# Its module is not imported: it costs time that only BigQuery should take.
PARTITION_HINT: Final = "x-bigquery-partition"
CLUSTER_COLUMNS_HINT: Final = "x-bigquery-cluster-columns"
TABLE_DESCRIPTION_HINT: Final = "x-bigquery-table-description"

UTC_TIME: Final = pa.timestamp("us", tz="UTC")

Row = dict[str, Any]

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
    "content_hash": ("bigint", "A digest of all that Drift sent but for what details_hash is of."),
    "details_hash": (
        "bigint",
        "A digest of meeting_notes and other_attributes; null where there are none, or none may be"
        " kept.",
    ),
    "sync_id": ("text", "The run that first saw this state; 0-… where it came from a file."),
}

VERSION_OWN_COLUMNS: Final = (
    "is_updated_at_inferred",
    "known_time_zone",
    "content_hash",
    "details_hash",
    "sync_id",
)
"""What the source adds to what Drift sent of a version."""

OTHERS: Final = "other_attributes"
"""The column for what nobody documented."""

DETAILS: Final = ("meeting_notes", OTHERS, "details_hash")
"""What of a version may have to be forgotten, and its digest."""

SYNCS: Final[Columns] = {
    "sync_id": ("text", "The run. Ids rise, as text, whatever a clock does."),
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
    "newest_updated_at": (
        "timestamp",
        "The newest updatedAt seen, never later than started_at: where the next run goes on.",
    ),
    "answer_cap": (
        "bigint",
        "The length at which Drift's answers turned out to be cut, where that is below its limit.",
    ),
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
    "known_time_zone": ("text", "time_zone, where every engine knows it; else null."),
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
    has_load_id: bool = False
    """Whether a row says with `_dlt_load_id` by which load it came: dlt adds it to rows that are
    not Arrow."""

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        return pa.schema([(name, ARROW_TYPES[kind]) for name, (kind, _) in self.columns.items()])

    def hints(self, *, is_arrow: bool) -> TResourceHints:
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
            file_format="parquet" if is_arrow else "preferred",
        )

    def rows(self, rows: pa.Table | Sequence[Mapping[str, Any]]) -> DataItemWithMeta:
        """These rows, marked for this table."""
        if self.has_load_id:
            found = rows.to_pylist() if isinstance(rows, pa.Table) else rows
            own = [{name: row.get(name) for name in self.columns} for row in found]
            items: Any = own or dlt.mark.materialize_table_schema()
            hints = self.hints(is_arrow=False)
            return dlt.mark.with_hints(items, hints, create_table_variant=True)
        if not isinstance(rows, pa.Table):
            rows = pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema)
        fields = [
            column.with_nullable(column.name not in self.primary_key) for column in rows.schema
        ]
        # A Parquet file without rows is what dlt's copy into PostgreSQL fails on.
        takes_empty = Container()[DestinationCapabilitiesContext].sqlglot_dialect == "duckdb"
        hints = self.hints(is_arrow=takes_empty or rows.num_rows > 0)
        return dlt.mark.with_hints(rows.cast(pa.schema(fields)), hints, create_table_variant=True)


VERSIONS: Final = RawTable(
    "meeting_versions",
    "One row for each state of a meeting that was ever seen, with all that Drift sent.",
    MEETING_VERSIONS,
    MERGED,
    VERSION_KEY,
    partition_day="updated_at",
    clustered_by=("slug",),
)
LISTING: Final = RawTable(
    "meeting_listings",
    "Each time that a complete read returned a meeting that the one before had not, or the other"
    " way round.",
    {
        "slug": ("text", "The meeting."),
        "sync_id": ("text", "The run that read."),
        "is_listed": ("bool", "It returned the meeting; false: it no longer did."),
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
SYNC: Final = RawTable(
    "syncs",
    "One row for each complete read. It counts, and with it what names its sync_id, where its"
    " _dlt_load_id stands in _dlt_loads with status 0.",
    SYNCS,
    MERGED,
    ("sync_id",),
    has_load_id=True,
)
IMPORT: Final = RawTable(
    "imports",
    "One row for each file that was imported, and each read that was not accepted: what brings"
    " versions without a row of syncs. It counts as those do.",
    {
        "sync_id": ("text", "The import (0-…), or the run."),
        "imported_at": ("timestamp", "When that was."),
        "records": ("bigint", "Records in the file, or in what was read."),
        "versions_added": ("bigint", "States that the warehouse did not have."),
        "rejected": ("bigint", "Records that cannot be a meeting."),
    },
    MERGED,
    ("sync_id",),
    has_load_id=True,
)
ATTRIBUTE: Final = RawTable(
    "attributes",
    "The attributes of meetings that nobody documented and that Drift has sent.",
    {
        "name": ("text", "The attribute, as Drift calls it: a key in other_attributes."),
        "sync_id": ("text", "The run that first saw it."),
    },
    MERGED,
    ("name",),
)
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

HASHED: Final = "hashed:"
"""How the keyed hash of an e-mail address begins."""

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

ALL: Final = (VERSIONS, LISTING, REJECTED, SYNC, IMPORT, ATTRIBUTE, *RELATED)
"""What is there from the first run on: models read it."""

IS_WHOLE: Final = "_dlt_load_id in (select load_id from _dlt_loads where status = 0)"
"""SQL for whether a row of `syncs` or `imports` counts."""

COUNTS: Final = (
    f"sync_id in (select sync_id from {SYNC.name} where {IS_WHOLE}"
    f" union all select sync_id from {IMPORT.name} where {IS_WHOLE})"
)
"""SQL for whether a row does that names a sync or an import."""
