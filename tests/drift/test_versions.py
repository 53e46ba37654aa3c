"""What is new among the states that were read, and what a read amounts to."""

import json
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from drift.decode import Page, decode_page
from drift.tables import MEETING_VERSIONS, UTC_TIME
from drift.versions import KNOWN_COLUMNS, VersionSet
from tests.drift.conftest import DAY, HOUR, NOW, NOW_MS

PLAIN: dict[str, Any] = {
    "agentId": 11,
    "orgId": 7,
    "status": "ACTIVE",
    "meetingSource": "WIDGET",
    "schedulerId": 9_000_000_001,
    "eventId": "evt",
    "slotStart": NOW_MS + DAY,
    "slotEnd": NOW_MS + DAY + HOUR,
    "updatedAt": NOW_MS - DAY,
    "scheduledAt": NOW_MS - 2 * DAY,
    "meetingType": "New Meeting",
    "conversationId": 5,
    "endUserTimeZone": "Europe/Berlin",
    "meetingNotes": "A note.",
    "bookedBy": 12,
}
UPDATED = NOW - timedelta(days=1)


def meeting(slug: str, **changed: object) -> dict[str, Any]:
    """A meeting as Drift sends it; what is changed to None is absent."""
    record = {**PLAIN, "slug": slug, **changed}
    return {name: value for name, value in record.items() if value is not None}


def page(*records: object) -> Page:
    return decode_page(json.dumps({"data": records}).encode())


def version_set(known: pa.Table | None = None) -> VersionSet:
    table = KNOWN_COLUMNS.empty_table() if known is None else known
    return VersionSet(table, sync_id="now", started_at=NOW)


def known(new: pa.Table) -> pa.Table:
    """What a warehouse that has these versions tells a later run."""
    return new.select(KNOWN_COLUMNS.names)


def added(versions: VersionSet, *records: object) -> list[str]:
    """Slugs of the new versions among these records, sorted."""
    slugs: list[str] = versions.add([page(*records)])["slug"].to_pylist()
    return sorted(slugs)


# --- what is new


def test_a_version_has_every_column() -> None:
    new = version_set().add([page(meeting("a", isPrivate=True))])
    (row,) = new.to_pylist()
    assert row.pop("content_hash")
    assert row.pop("details_hash")
    assert row == {
        "slug": "a",
        "updated_at": UPDATED,
        "agent_id": 11,
        "org_id": 7,
        "scheduler_id": 9_000_000_001,
        "conversation_id": 5,
        "booked_by": 12,
        "event_id": "evt",
        "status": "ACTIVE",
        "meeting_source": "WIDGET",
        "meeting_type": "New Meeting",
        "end_user_time_zone": "Europe/Berlin",
        "meeting_notes": "A note.",
        "slot_start": NOW + timedelta(days=1),
        "slot_end": NOW + timedelta(days=1, hours=1),
        "scheduled_at": NOW - timedelta(days=2),
        "is_updated_at_inferred": False,
        "known_time_zone": "Europe/Berlin",
        "sync_id": "now",
        "other_attributes": '{"isPrivate":true}',
    }
    assert set(new.column_names) == set(MEETING_VERSIONS)


def test_a_read_that_found_nothing_has_every_column_too() -> None:
    versions = version_set()
    new = versions.add([page()])
    assert (new.num_rows, set(new.column_names)) == (0, set(MEETING_VERSIONS))
    assert versions.slugs().to_pylist() == []
    assert (versions.meetings_seen(), versions.versions_added) == (0, 0)
    assert versions.newest_updated_at is None


def test_a_known_version_is_not_new() -> None:
    records = [meeting("a"), meeting("b", updatedAt=None), meeting("c", slotStart=None)]
    first = version_set()
    new = first.add([page(*records)])
    assert (new.num_rows, first.versions_added) == (3, 3)
    later = version_set(known(new))
    assert added(later, *records) == []
    assert (later.versions_added, later.meetings_seen()) == (0, 3)


def test_a_state_whose_details_were_stripped_is_known_by_a_read_that_strips_them_too() -> None:
    kept = page(meeting("a"), meeting("b", meetingNotes=None))
    nothing = pa.nulls(2, pa.int64())
    index = kept.meetings.column_names.index("details_hash")
    stripped = Page(kept.meetings.set_column(index, "details_hash", nothing))
    new = version_set().add([stripped])
    assert version_set(known(new)).add([stripped]).num_rows == 0
    assert version_set(known(new)).add([kept])["slug"].to_pylist() == ["a"]


def test_of_states_that_differ_in_details_alone_one_sync_has_the_last() -> None:
    versions = version_set()
    records = [meeting("a", meetingNotes=note) for note in ("one", "two")]
    new = versions.add([page(*records)])
    assert new["meeting_notes"].to_pylist() == ["two"]
    assert added(version_set(known(new)), *records) == []  # the next read has both again
    assert added(versions, *records, meeting("a", meetingNotes="three")) == []
    versions.begin("another")
    assert added(versions, meeting("a", meetingNotes="three")) == ["a"]


def test_a_state_that_an_earlier_page_held_is_not_new() -> None:
    versions = version_set()
    assert added(versions, meeting("a")) == ["a"]
    assert added(versions, meeting("a"), meeting("b")) == ["b"]
    assert (versions.meetings_seen(), versions.versions_added) == (2, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "CANCELED"},
        {"agentId": 12},
        {"slotStart": NOW_MS + DAY + 1},
        {"meetingNotes": None},
        {"updatedAt": NOW_MS - DAY + 1},
        {"isPrivate": True},
    ],
)
def test_a_state_that_changed_is_new_whether_or_not_its_updated_at_did(
    change: dict[str, object],
) -> None:
    before = known(version_set().add([page(meeting("a"), meeting("b"))]))
    assert added(version_set(before), meeting("a", **change), meeting("b")) == ["a"]


def test_a_state_with_an_old_updated_at_is_new_all_the_same() -> None:
    versions = version_set()
    records = [meeting("a", updatedAt=NOW_MS - DAY), meeting("b", updatedAt=1)]
    assert added(versions, *records) == ["a", "b"]
    assert versions.newest_updated_at == UPDATED


def test_a_state_without_updated_at_is_compared_by_what_it_holds() -> None:
    record = meeting("a", updatedAt=None, scheduledAt=1)
    versions = version_set()
    new = versions.add([page(record)])
    assert new["slug"].to_pylist() == ["a"]
    assert versions.newest_updated_at is None
    assert added(version_set(known(new)), record) == []
    assert added(version_set(known(new)), {**record, "status": "X"}) == ["a"]


def test_updated_at_is_filled_from_scheduled_at_else_from_the_start_of_the_run() -> None:
    records = [
        meeting("a"),
        meeting("b", updatedAt=None),
        meeting("c", updatedAt=None, scheduledAt=None),
    ]
    new = version_set().add([page(*records)]).sort_by("slug")
    assert new["updated_at"].to_pylist() == [UPDATED, NOW - timedelta(days=2), NOW]
    assert new["is_updated_at_inferred"].to_pylist() == [False, True, True]
    assert new.schema.field("updated_at").type == UTC_TIME


def test_the_newest_updated_at_is_that_of_every_page() -> None:
    versions = version_set()
    for hours in (3, 1, 2):
        added(versions, meeting("a", updatedAt=NOW_MS - hours * HOUR))
    assert versions.newest_updated_at == NOW - timedelta(hours=1)


def test_a_record_that_one_answer_holds_twice_is_one_version() -> None:
    versions = version_set()
    assert added(versions, meeting("a"), meeting("a")) == ["a"]
    assert versions.meetings_seen() == 1


def test_a_meeting_that_changed_while_it_was_read_is_two_versions_of_one() -> None:
    versions = version_set()
    moved = meeting("a", slotStart=NOW_MS + 2 * DAY, updatedAt=NOW_MS)
    assert added(versions, meeting("a"), moved) == ["a", "a"]
    assert (versions.meetings_seen(), versions.versions_added) == (1, 2)


def test_rows_keep_their_attributes_when_others_are_left_out() -> None:
    records = [
        meeting(slug, meetingNotes=f"note {slug}", agentId=n) for n, slug in enumerate("dacb")
    ]
    versions = version_set(known(version_set().add([page(*records[:2])])))
    new = versions.add([page(*records, records[2])])
    names = ("slug", "meeting_notes", "agent_id")
    found = list(zip(*(new[name].to_pylist() for name in names), strict=True))
    assert found == [("c", "note c", 2), ("b", "note b", 3)]


# --- rejected ones, and the whole


def test_a_rejected_record_counts_as_often_as_one_answer_held_it() -> None:
    versions = version_set()
    bad, worse = {"slug": "bad", "status": 5}, 7
    versions.add([page(bad, worse, worse, meeting("a")), page(worse)])
    versions.add([page(bad, worse)])
    assert sorted(record.raw_json for record in versions.rejected) == [
        "7",
        "7",
        '{"slug": "bad", "status": 5}',
    ]
    assert versions.meetings_seen() == 4
    assert sorted(versions.slugs().to_pylist()) == ["a", "bad"]


def test_slugs_are_told_once_with_those_of_rejected_records() -> None:
    versions = version_set()
    added(versions, meeting("b"), meeting("a"), {"slug": "b", "agentId": "?"}, {"slug": ""})
    assert sorted(versions.slugs().to_pylist()) == ["a", "b"]


@pytest.mark.parametrize(
    ("zone", "checked"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("US/Pacific", "US/Pacific"),
        ("CET", "Europe/Brussels"),
        ("europe/berlin", None),
        ("Mars/Base", None),
        ("", None),
        (None, None),
    ],
)
def test_a_time_zone_is_known_or_null(zone: str | None, checked: str | None) -> None:
    new = version_set().add([page(meeting("a", endUserTimeZone=zone))])
    assert new["end_user_time_zone"].to_pylist() == [zone]
    assert new["known_time_zone"].to_pylist() == [checked]
