"""Bookings by day, by the visitor's hour, and by lead time."""

import pytest

from .conftest import Given, at, on, version


def test_a_day_s_counts_and_sums_are_those_of_its_meetings(given: Given) -> None:
    warehouse = given(
        version("a", status="CANCELED", booked_by=3),
        version("b"),
        version("c", slot_start=at("2025-03-20 15:00"), slot_end=at("2025-03-20 16:00")),
        version("d", slot_start=at("2025-03-21 09:00"), slot_end=at("2025-03-21 09:15")),
        version("e"),
        version("e", updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-10 14:10")),
        listed=["a", "c", "d", "e"],
    )
    expected = {
        "booked_on": on("2025-03-01"),
        "agent_id": 7,
        "meeting_source": "WIDGET",
        "meeting_type": "Demo",
        "bookings": 5,
        "canceled_meetings": 1,
        "delisted_meetings": 1,
        "upcoming_meetings": 1,
        "in_progress_meetings": 1,
        "elapsed_meetings": 1,
        "rescheduled_meetings": 1,
        "self_booked_meetings": 4,
        "due_meetings": 4,
        "due_canceled_meetings": 1,
        "duration_minutes": 155.0,  # 30 + 30 + 60 + 15 + 20
        # a and b 221 each, c 462, d 480, e 221 and ten minutes
        "lead_time_hours": pytest.approx(221 * 3 + 462 + 480 + 1 / 6),
    }
    assert warehouse.row("daily_bookings", columns=expected) == expected


def test_a_canceled_meeting_ahead_is_not_due_on_its_day(given: Given) -> None:
    warehouse = given(version(status="CANCELED", slot_start=at("2025-03-21 09:00")))
    columns = "canceled_meetings, due_meetings, due_canceled_meetings"
    assert warehouse.rows("daily_bookings", columns) == [(1, 0, 0)]


def test_each_day_agent_source_and_type_is_a_row(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("b"),
        version("c", scheduled_at=at("2025-03-02 09:00")),
        version("d", agent_id=None),
        version("e", meeting_source=None),
        version("f", meeting_type=None, slot_start=None, slot_end=None),
    )
    columns = "booked_on, agent_id, meeting_source, meeting_type, bookings, duration_minutes"
    assert warehouse.rows("daily_bookings", columns) == [
        (on("2025-03-01"), 7, "UNKNOWN", "Demo", 1, 30.0),
        (on("2025-03-01"), 7, "WIDGET", "Demo", 2, 60.0),
        (on("2025-03-01"), 7, "WIDGET", "UNKNOWN", 1, 0.0),
        (on("2025-03-01"), None, "WIDGET", "Demo", 1, 30.0),
        (on("2025-03-02"), 7, "WIDGET", "Demo", 1, 30.0),
    ]


def test_an_end_before_the_start_takes_no_minutes_from_a_day(given: Given) -> None:
    warehouse = given(version("a"), version("b", slot_end=at("2025-03-10 13:00")))
    assert warehouse.rows("daily_bookings", "duration_minutes") == [(30.0,)]


def test_a_booking_after_the_start_takes_hours_from_the_day_s_lead_times(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-03-10 16:00")),
        version("b", scheduled_at=at("2025-03-10 13:30")),
        version("c", scheduled_at=at("2025-03-11 13:30"), slot_start=None),
    )
    assert warehouse.rows("daily_bookings", "booked_on, lead_time_hours") == [
        (on("2025-03-10"), -1.5),
        (on("2025-03-11"), 0.0),
    ]


def test_bookings_are_counted_by_the_visitor_s_weekday_and_hour(given: Given) -> None:
    warehouse = given(
        version("a"),  # Monday, 15:00 in Berlin
        version("b", status="CANCELED", slot_start=at("2025-03-10 14:59")),
        version("c", slot_start=at("2025-03-10 23:30")),  # Tuesday, 00:30 in Berlin
        version("d", known_time_zone="America/New_York", slot_start=at("2025-03-10 03:30")),
        version("e", known_time_zone=None, status="CANCELED"),
        version("f", slot_start=None),
        version("g", status="CANCELED", slot_start=at("2025-03-24 14:00")),  # not due
    )
    columns = """local_weekday, local_hour, bookings, canceled_meetings, due_meetings,
        due_canceled_meetings, cancel_rate"""
    assert warehouse.rows("booking_hours", columns) == [
        (1, 15, 3, 2, 2, 1, 0.5),
        (2, 0, 1, 0, 1, 0, 0.0),
        (7, 23, 1, 0, 1, 0, 0.0),  # d: Sunday, 23:30 in New York
        (None, None, 2, 1, 1, 1, 1.0),  # e and f: no zone, no start
    ]


def test_an_hour_without_due_meetings_has_no_rate(given: Given) -> None:
    warehouse = given(version(status="CANCELED", slot_start=at("2025-03-24 14:00")))
    assert warehouse.rows("booking_hours", "due_meetings, cancel_rate") == [(0, None)]
    assert warehouse.query(
        "select canceled_meetings, due_meetings, cancel_rate from bookings.lead_time_buckets"
        " where bookings > 0"
    ) == [(1, 0, None)]


LEADS = {
    "2025-02-28 09:00": "0-1 days",  # the day before it was booked
    "2025-03-01 23:59": "0-1 days",
    "2025-03-02 23:59": "0-1 days",
    "2025-03-03 00:00": "2-7 days",
    "2025-03-08 23:59": "2-7 days",
    "2025-03-09 00:00": "8-21 days",
    "2025-03-22 23:59": "8-21 days",
    "2025-03-23 00:00": "over 21 days",
}


@pytest.mark.parametrize("start", LEADS)
def test_the_lead_time_is_counted_in_calendar_days(given: Given, start: str) -> None:
    warehouse = given(version(slot_start=at(start), slot_end=None))
    filled = "select lead_time_bucket, bookings from bookings.lead_time_buckets where bookings > 0"
    assert warehouse.query(filled) == [(LEADS[start], 1)]


def test_lead_times_are_counted_in_days_of_the_zone(given: Given) -> None:
    # booked on 1 March at 23:00 in New York, for the morning of 3 March: two days, 29 hours
    warehouse = given(
        version(scheduled_at=at("2025-03-02 04:00"), slot_start=at("2025-03-03 14:00")),
        time_zone="America/New_York",
    )
    filled = "select lead_time_bucket from bookings.lead_time_buckets where bookings > 0"
    assert warehouse.query(filled) == [("2-7 days",)]


def test_all_four_buckets_are_there_and_a_fifth_when_a_meeting_has_no_start(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("b", status="CANCELED"),
        version("c", slot_start=None, status="CANCELED"),
    )
    columns = """bucket_number, lead_time_bucket, bookings, canceled_meetings, due_meetings,
        due_canceled_meetings, cancel_rate"""
    assert warehouse.rows("lead_time_buckets", columns) == [
        (1, "0-1 days", 0, 0, 0, 0, None),
        (2, "2-7 days", 0, 0, 0, 0, None),
        (3, "8-21 days", 2, 1, 2, 1, 0.5),
        (4, "over 21 days", 0, 0, 0, 0, None),
        (5, "UNKNOWN", 1, 1, 0, 0, None),
    ]
