"""Bodies and records of users, teams, contacts, conversations and playbooks → rows."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa

from .errors import BrokenAnswerError
from .tables import CONTACTS, CONVERSATION, RawTable
from .values import as_flag, as_id, as_milliseconds, as_text, as_time, parse_json, snake_case

Row = dict[str, Any]

OWN_COLUMNS: Final = ("is_current", "is_gone", "read_at")
"""What the source adds to a record."""

RENAMED: Final = {
    "is_verified": "verified",
    "is_bot": "bot",
    "is_main": "main",
    "owner_id": "owner",
    "playbook_id": "relatedPlaybookId",
}
"""Attributes whose columns have other names."""

REPORT_METRICS: Final = ("createdAt", "relatedPlaybookId", "endUserId")
"""What a report on conversations is asked for."""

REPORTED: Final = pa.schema(
    [CONVERSATION.schema.field(name) for name in ("id", "contact_id", "playbook_id", "created_at")]
)
"""What of a conversation a report says."""

CONVERTED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "bigint": as_id,
    "text": as_text,
    "bool": as_flag,
    "timestamp": as_time,
}


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


def table_row(table: RawTable, record: Mapping[str, Any]) -> Row:
    """A record's values by the columns of its table: each is Drift's attribute of the same name.

    Absent or unusable values are null. Columns that the source adds itself are left out.
    """
    row = {}
    for column, (kind, _) in table.columns.items():
        if column not in OWN_COLUMNS:
            row[column] = CONVERTED[kind](record.get(_attribute(column)))
    return row


@cache
def _attribute(column: str) -> str:
    first, *rest = column.split("_")
    return RENAMED.get(column, first + "".join(map(str.capitalize, rest)))


def member_rows(team: int, record: Mapping[str, Any]) -> list[Row]:
    """The members of a team, each once."""
    members = record.get("members")
    users = {as_id(user) for user in members} if isinstance(members, list) else set()
    row = {"team_id": team, "is_current": True}
    return [row | {"user_id": user} for user in users if user is not None]


def contact_row(body: bytes, further: Mapping[str, str]) -> Row:
    """A contact; `further` has columns by the attributes that they hold."""
    data = data_object(body)
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        attributes = {}
    names = {name: name for name in ("email", "first_name", "last_name", "company")}
    row = {column: as_text(attributes.get(name)) for name, column in {**names, **further}.items()}
    return row | {"created_at": as_time(data.get("createdAt"))}


def conversation_row(body: bytes) -> Row:
    """A conversation."""
    return table_row(CONVERSATION, data_object(body))


def report_rows(body: bytes) -> tuple[int, int, pa.Table]:
    """A report's `count`, the number of its records, and rows of those that have an id.

    The rows have the columns of `REPORTED`. Raises `BrokenAnswerError`. Metrics come in the order
    of `REPORT_METRICS`; what is no number, such as the text `NaN`, is absent.
    """
    answer = parse_json(body)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or type(count := answer.get("count")) is not int:
        raise BrokenAnswerError("the answer is no report")
    rows = []
    for record in data:
        metrics = record.get("metrics") if isinstance(record, dict) else None
        if not isinstance(metrics, list):
            continue
        if (number := as_id(record.get("conversationId"))) is not None:
            began, playbook, contact, *_ = (*metrics, None, None, None)
            rows.append((number, as_id(contact), as_id(playbook), as_milliseconds(began)))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(REPORTED)
    # Playbooks become texts, and numbers times, as columns: one by one takes far longer.
    kinds = (pa.int64(), pa.int64(), pa.int64(), pa.timestamp("ms", "UTC"))
    sent = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return count, len(data), pa.table(sent, REPORTED.names).cast(REPORTED)


def attribute_columns(names: Sequence[str]) -> dict[str, str]:
    """A column for each attribute, no two alike, whatever the order in which they are named.

    Drift has attributes that differ only by case. One that does so from its column's name carries
    a few digits of a digest of its own, and so does each of several that would share a column.
    """
    plain = {name: snake_case(name) if name.strip() else "unnamed" for name in names}
    columns = {}
    for name, column in plain.items():
        shared = [other for other in plain if plain[other] == column and other != name]
        taken = column in CONTACTS or column.startswith("_dlt")
        own = f"contact_{column}" if taken else column
        if column != name and (shared or name.lower() == column):
            own = f"{own}_{sha256(name.encode()).hexdigest()[:6]}"
        columns[name] = own
    return columns
