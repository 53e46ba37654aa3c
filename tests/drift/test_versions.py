"""What is new among the states that were read, and what a read amounts to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from drift.decode import Page, decode_page
from drift.tables import MEETING_VERSIONS
from drift.values import UTC_TIME
from drift.versions import KNOWN_COLUMNS, VersionSet
from drift.windows import Window
from tests.drift.conftest import DAY, HOUR, LAST, NOW, NOW_MS, milliseconds

ALL = Window(0, LAST)
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
    columns = ("slug", "updated_at", "content_hash")
    states = [
        {
            "slug": slug,
            "updated_at": None if inferred else updated_at,
            "content_hash": content_hash,
            "is_newest": True,
        }
        for slug, updated_at, content_hash, inferred in zip(
            *(new[name].to_pylist() for name in (*columns, "is_updated_at_inferred")), strict=True
        )
    ]
    return pa.Table.from_pylist(states, schema=KNOWN_COLUMNS)


def added(versions: VersionSet, *records: object) -> list[str]:
    """Slugs of the new versions among these records, sorted."""
    slugs: list[str] = versions.add([(ALL, page(*records))])["slug"].to_pylist()
    return sorted(slugs)


def digest(*records: object) -> int:
    """The digest of the first of these records, read in one page with the others."""
    new = version_set().add([(ALL, page(*records))])
    first = records[0]
    assert isinstance(first, dict)
    (found,) = (row["content_hash"] for row in new.to_pylist() if row["slug"] == first["slug"])
    return int(found)


# --- what is new


def test_a_version_has_every_column() -> None:
    new = version_set().add([(ALL, page(meeting("a", isPrivate=True)))])
    (row,) = new.to_pylist()
    assert row.pop("content_hash") > 0
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
        "other_attributes": '{"isPrivate": true}',
    }
    assert set(new.column_names) == set(MEETING_VERSIONS)


def test_a_read_that_found_nothing_has_every_column_too() -> None:
    versions = version_set()
    for new in (versions.add([(ALL, page())]), versions.rest()):
        assert (new.num_rows, set(new.column_names)) == (0, set(MEETING_VERSIONS))
    assert versions.slugs().to_pylist() == []
    assert list(versions.slot_starts()) == []
    assert (versions.meetings_seen(), versions.versions_added) == (0, 0)
    assert versions.newest_updated_at is None


def test_a_known_version_is_not_new() -> None:
    records = [meeting("a"), meeting("b", updatedAt=None), meeting("c", slotStart=None)]
    first = version_set()
    new = pa.concat_tables([first.add([(ALL, page(*records))]), first.rest()])
    assert (new.num_rows, first.versions_added) == (3, 3)
    later = version_set(known(new))
    assert added(later, *records) == []
    assert later.rest().num_rows == 0
    assert later.versions_added == 0
    assert later.meetings_seen() == 3


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
    before = known(version_set().add([(ALL, page(meeting("a"), meeting("b")))]))
    assert added(version_set(before), meeting("a", **change), meeting("b")) == ["a"]


def test_equal_values_in_other_attributes_are_another_state() -> None:
    before = known(
        version_set().add([(ALL, page(meeting("a", meetingSource="x", meetingType=None)))])
    )
    assert added(version_set(before), meeting("a", meetingSource=None, meetingType="x")) == ["a"]


def test_a_state_with_an_old_updated_at_is_new_all_the_same() -> None:
    versions = version_set()
    records = [meeting("a", updatedAt=NOW_MS - DAY), meeting("b", updatedAt=1)]
    assert added(versions, *records) == ["a", "b"]
    assert versions.newest_updated_at == UPDATED


def test_a_state_without_updated_at_is_compared_by_what_it_holds() -> None:
    record = meeting("a", updatedAt=None, scheduledAt=1)
    versions = version_set()
    new = versions.add([(ALL, page(record))])
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
    new = version_set().add([(ALL, page(*records))]).sort_by("slug")
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


# --- beside their windows


def test_rows_keep_their_attributes_when_others_are_left_out() -> None:
    records = [
        meeting(slug, meetingNotes=f"note {slug}", agentId=n) for n, slug in enumerate("dacb")
    ]
    versions = version_set(known(version_set().add([(ALL, page(*records[:2]))])))
    new = versions.add([(ALL, page(*records, records[2]))])
    names = ("slug", "meeting_notes", "agent_id")
    found = list(zip(*(new[name].to_pylist() for name in names), strict=True))
    assert found == [("c", "note c", 2), ("b", "note b", 3)]


def test_what_an_answer_holds_beside_its_window_is_counted_once() -> None:
    first, second = Window(0, NOW_MS - 1), Window(NOW_MS, LAST)
    before, after = meeting("a", slotStart=NOW_MS - 1), meeting("b", slotStart=NOW_MS)
    pad = meeting("pad", slotStart=None)
    versions = version_set()
    answers = [(first, page(before, after, pad)), (second, page(before, after, pad))]
    slugs = [versions.add([answer])["slug"].to_pylist() for answer in answers]
    assert slugs == [["a"], ["b"]]
    assert versions.rest()["slug"].to_pylist() == ["pad"]
    assert (versions.meetings_seen(), versions.versions_added) == (3, 3)
    assert versions.slugs()["slug"].to_pylist() == ["a", "b", "pad"]


def test_a_meeting_that_was_met_beside_its_window_alone_is_not_lost() -> None:
    versions = version_set()
    new = versions.add([(Window(0, NOW_MS), page(meeting("a")))])
    assert new.num_rows == 0
    assert versions.rest()["slug"].to_pylist() == ["a"]


def test_the_milliseconds_at_a_windows_ends_are_inside() -> None:
    window = Window(NOW_MS, NOW_MS + 1)
    starts = [NOW_MS - 1, NOW_MS, NOW_MS + 1, NOW_MS + 2]
    records = [meeting(str(place), slotStart=start) for place, start in enumerate(starts)]
    new = version_set().add([(window, page(*records))])
    assert sorted(new["slug"].to_pylist()) == ["1", "2"]


# --- rejected ones, and the whole


def test_a_rejected_record_counts_as_often_as_one_answer_held_it() -> None:
    versions = version_set()
    bad, worse = {"slug": "bad", "status": 5}, 7
    versions.add([(ALL, page(bad, worse, worse, meeting("a"))), (ALL, page(worse))])
    versions.add([(ALL, page(bad, worse))])
    assert sorted(record.raw_json for record in versions.rejected) == [
        "7",
        "7",
        '{"slug": "bad", "status": 5}',
    ]
    assert versions.meetings_seen() == 4
    assert versions.slugs()["slug"].to_pylist() == ["a", "bad"]


def test_slugs_are_told_once_and_in_order_with_those_of_rejected_records() -> None:
    versions = version_set()
    added(versions, meeting("b"), meeting("a"), {"slug": "b", "agentId": "?"}, {"slug": ""})
    assert versions.slugs().to_pylist() == [{"slug": "a"}, {"slug": "b"}]


def test_slot_starts_come_in_order_with_each_meeting_that_has_one() -> None:
    versions = version_set()
    last = milliseconds(datetime(2090, 1, 1, tzinfo=UTC))
    for start in (last, NOW_MS, None, NOW_MS + 1):
        added(versions, meeting(f"m{start}", slotStart=start, updatedAt=None))
    added(versions, meeting("another", slotStart=NOW_MS))
    versions.rest()
    assert list(versions.slot_starts()) == [NOW_MS, NOW_MS, NOW_MS + 1, last]


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
    new = version_set().add([(ALL, page(meeting("a", endUserTimeZone=zone)))])
    assert new["end_user_time_zone"].to_pylist() == [zone]
    assert new["known_time_zone"].to_pylist() == [checked]


# --- digests


def test_a_digest_does_not_depend_on_the_order_of_attributes_or_on_absent_ones() -> None:
    record = meeting("a", isPrivate=True, conferenceType="ZOOM")
    turned = dict(reversed(record.items()))
    absent = {**record, "brandNew": None}
    one = digest(record)
    assert [digest(turned), digest(absent), digest(record, meeting("b", brandNew=1))] == [one] * 3
    assert digest({**record, "brandNew": 1}) != one


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing beside a number": ({}, {"x": 1}),
    "text beside a number": ({"x": "t"}, {"x": 1}),
    "a whole number beside a fraction": ({"x": 1}, {"x": 1.5}),
    "a number beside a very long one": ({"x": 1.5}, {"x": 10**25}),
    "a name beside its other spelling": ({"isX": True}, {"is_x": False}),
    "a name beside its other spelling, the other way": ({"is_x": True}, {"isX": False}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_state_seen_again_beside_other_meetings_is_not_new(case: str) -> None:
    own, others = OTHERS[case]
    record, other = meeting("a", **own), meeting("b", **others)
    for first, second in (((record,), (record, other)), ((other, record), (record,))):
        new = version_set().add([(ALL, page(*first))])
        assert added(version_set(known(new)), *second) == [
            row["slug"] for row in second if row not in first
        ]


@pytest.mark.parametrize("value", [1, 1.5, True, "t", [1, {"é": None}], {"b": 1, "a": 2}, 10**16])
def test_a_digest_does_not_depend_on_the_way_an_answer_was_decoded(value: object) -> None:
    record, bad = meeting("a", x=value, isPrivate=True), {"slug": 5}
    assert digest(record) == digest(record, bad) == digest(record, meeting("b", x=10**19))
    assert digest(record) != digest({**record, "x": "another"})
