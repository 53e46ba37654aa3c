"""Bodies and records of users, teams, contacts, conversations and playbooks → rows."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from .errors import BrokenAnswerError
from .tables import CONTACTS
from .values import as_flag, as_id, as_text, as_time, parse_json, snake_case

Row = dict[str, Any]


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


def user_row(record: Mapping[str, Any]) -> Row:
    return {
        "id": as_id(record.get("id")),
        "org_id": as_id(record.get("orgId")),
        "name": as_text(record.get("name")),
        "alias": as_text(record.get("alias")),
        "email": as_text(record.get("email")),
        "phone": as_text(record.get("phone")),
        "locale": as_text(record.get("locale")),
        "availability": as_text(record.get("availability")),
        "role": as_text(record.get("role")),
        "time_zone": as_text(record.get("timeZone")),
        "avatar_url": as_text(record.get("avatarUrl")),
        "is_verified": as_flag(record.get("verified")),
        "is_bot": as_flag(record.get("bot")),
        "created_at": as_time(record.get("createdAt")),
        "updated_at": as_time(record.get("updatedAt")),
    }


def team_row(record: Mapping[str, Any]) -> Row:
    return {
        "id": as_id(record.get("id")),
        "org_id": as_id(record.get("orgId")),
        "workspace_id": as_text(record.get("workspaceId")),
        "name": as_text(record.get("name")),
        "owner_id": as_id(record.get("owner")),
        "status": as_text(record.get("status")),
        "is_main": as_flag(record.get("main")),
        "updated_at": as_time(record.get("updatedAt")),
    }


def member_rows(team: int, record: Mapping[str, Any]) -> list[Row]:
    members = record.get("members")
    users = {as_id(user) for user in members} if isinstance(members, list) else set()
    return [
        {"team_id": team, "user_id": user, "is_current": True} for user in users if user is not None
    ]


def playbook_row(record: Mapping[str, Any]) -> Row:
    return {
        "id": as_id(record.get("id")),
        "name": as_text(record.get("name")),
        "report_type": as_text(record.get("reportType")),
        "goals": as_text(record.get("goals")),
        "created_at": as_time(record.get("createdAt")),
        "updated_at": as_time(record.get("updatedAt")),
    }


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
    data = data_object(body)
    return {
        "contact_id": as_id(data.get("contactId")),
        "status": as_text(data.get("status")),
        "playbook_id": as_text(data.get("relatedPlaybookId")),
        "inbox_id": as_text(data.get("inboxId")),
        "created_at": as_time(data.get("createdAt")),
        "updated_at": as_time(data.get("updatedAt")),
    }


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
