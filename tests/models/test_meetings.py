"""One row a meeting: its newest version, its state, its history."""

import datetime as dt

import pytest

from .conftest import NOW, Given, at, on, sync, version

HOUR = dt.timedelta(hours=1)


def test_a_meeting_carries_all_that_its_newest_version_says(given: Given) -> None:
    warehouse = given(
        version(
            updated_at=at("2025-03-02 10:00"),
            booked_by=33,
            meeting_notes="bring the offer",
            slot_start=at("2025-03-11 15:00"),
            slot_end=at("2025-03-11 15:45"),
        ),
        version(),
    )
    assert warehouse.row("meetings") == {
        "meeting_id": "m1",
        "org_id": 1,
        "agent_id": 7,
        "agent_name": None,
        "agent_email": None,
        "scheduler_id": 501,
        "conversation_id": 9001,
        "playbook_id": None,
        "booked_by_id": 33,
        "event_id": "e1",
        "status": "ACTIVE",
        "meeting_source": "WIDGET",
        "meeting_type": "Demo",
        "end_user_time_zone": "Europe/Berlin",
        "meeting_notes": "bring the offer",
        "booked_at": at("2025-03-01 09:00"),
        "slot_start_at": at("2025-03-11 15:00"),
        "slot_end_at": at("2025-03-11 15:45"),
        "updated_at": at("2025-03-02 10:00"),
        "first_slot_start_at": at("2025-03-10 14:00"),
        "canceled_at": None,
        "is_canceled": False,
        "is_listed": True,
        "is_rescheduled": True,
        "is_self_booked": False,
        "reschedule_count": 1,
        "version_count": 2,
        "meeting_state": "elapsed",
        "duration_minutes": 45.0,
        "lead_time_hours": 246.0,  # 1 March 09:00 to 11 March 15:00: 10 * 24 + 6
        "time_to_book_minutes": None,
        "booked_on": on("2025-03-01"),
        "meeting_on": on("2025-03-11"),
        "local_start_at": dt.datetime(2025, 3, 11, 16),  # a clock on a wall: no zone
    }


def test_of_versions_with_one_updated_at_the_one_seen_by_the_later_sync_is_the_newest(
    given: Given,
) -> None:
    warehouse = given(
        version(sync_id="s2", status="CANCELED", content_hash=1),
        version(sync_id="s1", status="ACTIVE", content_hash=2),
    )
    assert warehouse.rows("meetings", "status, version_count") == [("CANCELED", 2)]


def test_of_versions_that_one_sync_saw_with_one_updated_at_one_is_chosen(given: Given) -> None:
    warehouse = given(version(status="A", content_hash=5), version(status="B", content_hash=-5))
    assert warehouse.rows("meetings", "status, version_count") == [("A", 2)]


def test_a_version_that_arrives_late_does_not_become_the_newest(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-05 09:00"), sync_id="s1", meeting_type="new"),
        version(updated_at=at("2025-03-01 09:00"), sync_id="s9", meeting_type="old"),
    )
    assert warehouse.rows("meetings", "meeting_type") == [("new",)]


def test_a_meeting_moved_there_and_back_was_rescheduled_twice(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), slot_start=at("2025-03-10 14:00")),
        version(updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version(updated_at=at("2025-03-03 09:00"), slot_start=at("2025-03-12 14:00"), agent_id=8),
        version(updated_at=at("2025-03-04 09:00"), slot_start=at("2025-03-10 14:00")),
    )
    assert warehouse.rows("meetings", "reschedule_count, is_rescheduled, version_count") == [
        (2, True, 4)
    ]


def test_a_start_that_appears_or_vanishes_is_no_reschedule(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), slot_start=None),
        version(updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version(updated_at=at("2025-03-03 09:00"), slot_start=None),
    )
    assert warehouse.rows("meetings", "reschedule_count, first_slot_start_at") == [(0, None)]


@pytest.mark.parametrize("status", ["CANCELED", "CANCELLED", "canceled", "Cancelled"])
def test_a_meeting_is_canceled_however_drift_spells_it(given: Given, status: str) -> None:
    warehouse = given(version(status=status))
    assert warehouse.rows("meetings", "is_canceled, meeting_state") == [(True, "canceled")]


@pytest.mark.parametrize("status", [None, "ACTIVE", "CANCEL", "NOT CANCELED"])
def test_any_other_status_is_not_canceled(given: Given, status: str | None) -> None:
    warehouse = given(version(status=status))
    assert warehouse.rows("meetings", "is_canceled, canceled_at, meeting_state") == [
        (False, None, "elapsed")
    ]


def test_canceled_at_is_when_the_last_cancellation_began(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), status="ACTIVE"),
        version(updated_at=at("2025-03-02 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-03 09:00"), status="ACTIVE"),
        version(updated_at=at("2025-03-04 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-05 09:00"), status="CANCELLED", meeting_notes="later"),
    )
    assert warehouse.rows("meetings", "canceled_at") == [(at("2025-03-04 09:00"),)]


def test_a_meeting_cancelled_and_then_reinstated_is_not_canceled(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-02 09:00"), status="ACTIVE"),
    )
    assert warehouse.rows("meetings", "is_canceled, canceled_at, meeting_state") == [
        (False, None, "elapsed")
    ]


def test_booked_at_is_the_oldest_updated_at_where_scheduled_at_is_absent(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-03 09:00"), scheduled_at=None),
        version(updated_at=at("2025-03-02 09:00"), scheduled_at=at("2025-02-01 09:00")),
    )
    assert warehouse.rows("meetings", "booked_at") == [(at("2025-03-02 09:00"),)]


@pytest.mark.parametrize(
    ("slot_start", "slot_end", "state"),
    [
        (NOW + HOUR, NOW + 2 * HOUR, "upcoming"),
        (NOW, NOW + HOUR, "in_progress"),
        (NOW - HOUR, NOW + HOUR, "in_progress"),
        (NOW - HOUR, NOW, "elapsed"),
        (NOW, NOW, "elapsed"),
        (NOW - HOUR, None, "elapsed"),
        (NOW + HOUR, None, "upcoming"),
        (NOW + HOUR, NOW - HOUR, "upcoming"),  # ends before it starts
        (NOW - HOUR, NOW - 2 * HOUR, "elapsed"),
        (None, None, "upcoming"),
        (None, NOW - HOUR, "upcoming"),
    ],
)
def test_a_listed_meeting_is_in_one_state_by_the_newest_sync(
    given: Given, slot_start: dt.datetime | None, slot_end: dt.datetime | None, state: str
) -> None:
    warehouse = given(version(slot_start=slot_start, slot_end=slot_end))
    assert warehouse.rows("meetings", "meeting_state") == [(state,)]


@pytest.mark.parametrize(
    ("status", "slot_start", "state", "is_listed"),
    [
        ("ACTIVE", NOW + HOUR, "delisted", False),
        ("ACTIVE", NOW - HOUR, "delisted", False),
        ("ACTIVE", None, "delisted", False),
        ("CANCELED", NOW + HOUR, "canceled", False),
        ("ACTIVE", NOW - 24 * 30 * HOUR, "delisted", False),  # the window's first instant
        ("ACTIVE", NOW - 24 * 30 * HOUR - HOUR, "elapsed", True),  # too old to be returned
        ("ACTIVE", NOW + 24 * 365 * HOUR, "delisted", False),  # the window's last instant
        ("ACTIVE", NOW + 24 * 365 * HOUR + HOUR, "upcoming", False),  # was not asked for
    ],
)
def test_a_meeting_that_the_newest_sync_should_have_returned_and_did_not_is_delisted(
    given: Given, status: str, slot_start: dt.datetime | None, state: str, is_listed: bool
) -> None:
    slot_end = slot_start and slot_start + HOUR
    warehouse = given(
        version(status=status, slot_start=slot_start, slot_end=slot_end), listed=["another", "m2"]
    )
    assert warehouse.rows("meetings", "meeting_state, is_listed") == [(state, is_listed)]


def test_now_is_the_start_of_the_newest_sync_whatever_the_order_of_the_rows(given: Given) -> None:
    warehouse = given(
        version(slot_start=NOW - HOUR, slot_end=NOW + HOUR),
        syncs=[sync("s9", NOW), sync("s8", NOW - 2 * HOUR)],
    )
    assert warehouse.rows("meetings", "meeting_state") == [("in_progress",)]


def test_a_slug_that_is_listed_twice_is_one_meeting(given: Given) -> None:
    assert given(version(), listed=["m1", "m1"]).rows("meetings", "meeting_id") == [("m1",)]


@pytest.mark.parametrize(
    ("slot_start", "slot_end", "minutes"),
    [
        (at("2025-03-10 14:00"), at("2025-03-10 14:30"), 30.0),
        (at("2025-03-10 14:00"), at("2025-03-10 14:00"), 0.0),
        (at("2025-03-10 14:00"), at("2025-03-10 14:00:01.5"), 0.025),
        (at("2025-03-10 14:00"), at("2025-03-10 13:30"), None),
        (at("2025-03-10 14:00"), None, None),
        (None, at("2025-03-10 14:30"), None),
    ],
)
def test_the_duration_is_null_unless_the_end_follows_the_start(
    given: Given,
    slot_start: dt.datetime | None,
    slot_end: dt.datetime | None,
    minutes: float | None,
) -> None:
    warehouse = given(version(slot_start=slot_start, slot_end=slot_end))
    assert warehouse.rows("meetings", "duration_minutes") == [(minutes,)]


def test_a_meeting_booked_after_its_start_has_a_negative_lead_time(given: Given) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-03-10 14:30"), slot_start=at("2025-03-10 14:00"))
    )
    assert warehouse.rows("meetings", "lead_time_hours") == [(-0.5,)]


def test_an_evening_in_new_york_is_still_that_day_there(given: Given) -> None:
    # 23:30 in New York on 9 March, the day on which its clocks went forward, is 03:30 UTC
    warehouse = given(
        version(scheduled_at=at("2025-03-09 04:30"), slot_start=at("2025-03-10 03:30")),
        time_zone="America/New_York",
    )
    # 04:30 UTC on 9 March is 23:30 on 8 March: five hours behind before, four after
    assert warehouse.rows("meetings", "booked_on, meeting_on, lead_time_hours") == [
        (on("2025-03-08"), on("2025-03-09"), 23.0)
    ]


def test_days_of_23_and_25_hours_end_at_their_own_midnight(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-03-09 05:00")),  # 00:00, 9 March: 23 hours long
        version("b", scheduled_at=at("2025-03-10 03:59:59")),  # 23:59:59, 9 March
        version("c", scheduled_at=at("2025-03-10 04:00")),  # 00:00, 10 March
        version("d", scheduled_at=at("2024-11-03 04:00")),  # 00:00, 3 November: 25 hours long
        version("e", scheduled_at=at("2024-11-04 04:59:59")),  # 23:59:59, 3 November
        version("f", scheduled_at=at("2024-11-04 05:00")),  # 00:00, 4 November
        time_zone="America/New_York",
    )
    assert warehouse.rows("meetings", "meeting_id, booked_on") == [
        ("a", on("2025-03-09")),
        ("b", on("2025-03-09")),
        ("c", on("2025-03-10")),
        ("d", on("2024-11-03")),
        ("e", on("2024-11-03")),
        ("f", on("2024-11-04")),
    ]


def test_a_zone_that_is_not_known_reaches_no_clock(given: Given) -> None:
    warehouse = given(version(end_user_time_zone="Mars/Olympus", known_time_zone=None))
    assert warehouse.rows("meetings", "end_user_time_zone, local_start_at") == [
        ("Mars/Olympus", None)
    ]


def test_without_meetings_every_counting_table_is_empty_or_zero(given: Given) -> None:
    warehouse = given(syncs=[sync()])
    for table in ("meetings", "meeting_events", "agents", "daily_bookings", "bookings_by_agent"):
        assert warehouse.rows(table, "*") == []
    for table in ("bookings_by_source", "bookings_by_meeting_type", "booking_hours"):
        assert warehouse.rows(table, "*") == []
    assert warehouse.rows("weekly_bookings", "*") == []
    assert warehouse.rows("lead_time_buckets", "lead_time_bucket, bookings, cancel_rate") == [
        ("0-1 days", 0, None),
        ("2-7 days", 0, None),
        ("8-21 days", 0, None),
        ("over 21 days", 0, None),
    ]


@pytest.mark.parametrize(
    ("slot_start", "updated_at", "state", "delisted_at"),
    [
        ("2025-04-01", "2025-03-01", "delisted", "2025-03-10 08:00"),  # the next read missed it
        ("2025-04-01", "2025-03-15", "delisted", "2025-03-20 15:30"),
        ("2025-04-01", "2025-03-20 15:31", "upcoming", None),  # newer than every read
        ("2025-03-12", "2025-03-01", "delisted", "2025-03-10 08:00"),
        ("2025-01-05", "2025-01-01", "elapsed", None),  # out of sight when the next read came
    ],
)
def test_a_meeting_from_a_file_that_the_next_read_did_not_return_is_delisted(
    given: Given, slot_start: str, updated_at: str, state: str, delisted_at: str | None
) -> None:
    warehouse = given(
        version(
            "m1",
            sync_id="0-20250321T000000.000000Z-000000",
            updated_at=at(updated_at),
            slot_start=at(slot_start),
            slot_end=at(slot_start),
        ),
        listed=[],
        syncs=[sync("20250310T080000.000000Z", at("2025-03-10 08:00")), sync("20250320T153000")],
    )
    assert warehouse.rows("stg_meetings", "meeting_state, delisted_at") == [
        (state, delisted_at and at(delisted_at))
    ]


def test_with_no_read_at_all_meetings_from_files_still_become_tables(given: Given) -> None:
    warehouse = given(version("m1", sync_id="0-20250321T000000.000000Z-000000"), syncs=[])
    assert warehouse.rows("stg_meetings", "meeting_state, delisted_at") == [("elapsed", None)]
