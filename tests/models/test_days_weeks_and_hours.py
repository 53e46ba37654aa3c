"""Bookings by day, by week, by hour and by lead time."""

import pytest

from .conftest import Given, at, on, sync, version


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
    assert warehouse.row("daily_bookings") == {
        "booked_on": on("2025-03-01"),
        "agent_id": 7,
        "meeting_source": "WIDGET",
        "meeting_type": "Demo",
        "bookings": 5,
        "canceled_meetings": 1,
        "delisted_meetings": 1,
        "rescheduled_meetings": 1,
        "upcoming_meetings": 1,
        "in_progress_meetings": 1,
        "elapsed_meetings": 1,
        "self_booked_meetings": 4,
        "duration_minutes": 155.0,  # 30 + 30 + 60 + 15 + 20
        # a and b 221 each, c 462, d 480, e 221 and ten minutes
        "lead_time_hours": pytest.approx(221 * 3 + 462 + 480 + 1 / 6),
    }


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


def test_weeks_without_a_booking_are_there_and_each_week_is_beside_the_one_before(
    given: Given,
) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-02-24 00:00"), status="CANCELED"),  # a Monday
        version("b", scheduled_at=at("2025-03-02 23:59")),  # the Sunday of that week
        version("c", scheduled_at=at("2025-03-12 09:00"), status="CANCELED"),
        version("d", scheduled_at=at("2025-03-16 09:00"), status="CANCELED"),
        version("e", scheduled_at=at("2025-03-17 09:00")),
    )
    columns = """week_start_on, bookings, canceled_meetings, elapsed_meetings, cancel_rate,
        bookings_change, canceled_meetings_change, elapsed_meetings_change, cancel_rate_change"""
    assert warehouse.rows("weekly_bookings", columns) == [
        (on("2025-02-24"), 2, 1, 1, 0.5, None, None, None, None),
        (on("2025-03-03"), 0, 0, 0, None, -2, -1, -1, None),
        (on("2025-03-10"), 2, 2, 0, 1.0, 2, 2, 0, None),
        (on("2025-03-17"), 1, 0, 1, 0.0, -1, -2, 1, -100.0),  # from 100 % to 0 %
    ]


def test_the_week_s_other_states_are_counted_and_compared(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-03-11 09:00")),
        version("b", slot_start=at("2025-03-21 09:00"), scheduled_at=at("2025-03-18 09:00")),
        version(
            "c",
            slot_start=at("2025-03-20 15:00"),
            slot_end=at("2025-03-20 16:00"),
            scheduled_at=at("2025-03-18 09:00"),
        ),
        version("d", scheduled_at=at("2025-03-18 09:00")),
        listed=["a", "b", "c"],
    )
    columns = """delisted_meetings, upcoming_meetings, in_progress_meetings,
        delisted_meetings_change, upcoming_meetings_change, in_progress_meetings_change"""
    assert warehouse.rows("weekly_bookings", f"week_start_on, {columns}") == [
        (on("2025-03-10"), 0, 0, 0, None, None, None),
        (on("2025-03-17"), 1, 1, 1, 1, 1, 1),
    ]


@pytest.mark.parametrize(
    ("booked", "time_zone", "weeks"),
    [
        (["2025-03-04"], "UTC", ["2025-03-03", "2025-03-10", "2025-03-17"]),
        (["2025-03-04"], "America/New_York", ["2025-03-03", "2025-03-10"]),
        (["2025-03-12", "2025-03-24"], "UTC", ["2025-03-10", "2025-03-17", "2025-03-24"]),
    ],
)
def test_the_weeks_run_up_to_today_s_or_to_the_last_booking_s_if_later(
    given: Given, booked: list[str], time_zone: str, weeks: list[str]
) -> None:
    warehouse = given(
        *(version(day, scheduled_at=at(f"{day} 12:00")) for day in booked),
        syncs=[sync(started_at=at("2025-03-17 02:00"))],  # Monday in UTC, Sunday in New York
        time_zone=time_zone,
    )
    assert warehouse.rows("weekly_bookings", "week_start_on") == [(on(week),) for week in weeks]


def test_a_booking_from_a_clock_gone_wrong_costs_no_other_week(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("1850-01-07 12:00")),  # a Monday, over 70 years before
        version("b", scheduled_at=at("2025-03-18 12:00")),
        version("c", scheduled_at=at("9000-01-06 12:00")),  # a Monday
    )
    assert warehouse.query(
        "select week_start_on from bookings.weekly_bookings where bookings > 0 order by 1"
    ) == [(on("1850-01-07"),), (on("2025-03-17"),), (on("9000-01-06"),)]


def test_bookings_are_counted_by_the_visitor_s_weekday_and_hour(given: Given) -> None:
    warehouse = given(
        version("a"),  # Monday, 15:00 in Berlin
        version("b", status="CANCELED", slot_start=at("2025-03-10 14:59")),
        version("c", slot_start=at("2025-03-10 23:30")),  # Tuesday, 00:30 in Berlin
        version("d", known_time_zone="America/New_York", slot_start=at("2025-03-10 03:30")),
        version("e", known_time_zone=None, status="CANCELED"),
        version("f", slot_start=None),
    )
    assert warehouse.rows("booking_hours", "*") == [
        (1, 15, 2, 1, 0.5),
        (2, 0, 1, 0, 0.0),
        (7, 23, 1, 0, 0.0),  # d: Sunday, 23:30 in New York
        (None, None, 2, 1, 0.5),  # e and f: no zone, no start
    ]


@pytest.mark.parametrize(
    ("slot_start", "bucket"),
    [
        ("2025-02-28 09:00", "0-1 days"),  # the day before it was booked
        ("2025-03-01 23:59", "0-1 days"),
        ("2025-03-02 23:59", "0-1 days"),
        ("2025-03-03 00:00", "2-7 days"),
        ("2025-03-08 23:59", "2-7 days"),
        ("2025-03-09 00:00", "8-21 days"),
        ("2025-03-22 23:59", "8-21 days"),
        ("2025-03-23 00:00", "over 21 days"),
    ],
)
def test_the_lead_time_is_counted_in_calendar_days(
    given: Given, slot_start: str, bucket: str
) -> None:
    warehouse = given(version(slot_start=at(slot_start), slot_end=None))
    filled = [
        row for row in warehouse.rows("lead_time_buckets", "lead_time_bucket, bookings") if row[1]
    ]
    assert filled == [(bucket, 1)]


def test_all_four_buckets_are_there_and_a_fifth_when_a_meeting_has_no_start(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("b", status="CANCELED"),
        version("c", slot_start=None, status="CANCELED"),
    )
    assert warehouse.rows("lead_time_buckets", "*") == [
        (1, "0-1 days", 0, 0, None),
        (2, "2-7 days", 0, 0, None),
        (3, "8-21 days", 2, 1, 0.5),
        (4, "over 21 days", 0, 0, None),
        (5, "UNKNOWN", 1, 1, 1.0),
    ]
