"""Bookings by week, each beside the week before."""

import pytest

from .conftest import Given, at, on, sync, version

LONG_AGO = sync("s1", at("2025-02-01"))


def test_a_week_has_the_counts_of_its_days_and_weeks_without_a_booking_are_there(
    given: Given,
) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-02-24 00:00"), status="CANCELED"),  # a Monday
        version("b", scheduled_at=at("2025-03-02 23:59")),  # the Sunday of that week
        version("c", scheduled_at=at("2025-03-12 09:00"), status="CANCELED"),
        version(
            "d",
            scheduled_at=at("2025-03-16 09:00"),
            status="CANCELED",
            slot_start=at("2025-03-21 09:00"),
        ),
        version("e", scheduled_at=at("2025-03-17 09:00")),
        version("f", scheduled_at=at("2025-03-18 09:00"), slot_start=at("2025-03-21 09:00")),
        version(
            "g",
            scheduled_at=at("2025-03-18 09:00"),
            slot_start=at("2025-03-20 15:00"),
            slot_end=at("2025-03-20 16:00"),
        ),
        version("h", scheduled_at=at("2025-03-18 09:00")),
        listed=["a", "b", "c", "d", "e", "f", "g"],
        syncs=[LONG_AGO, sync()],
    )
    weeks = {
        "2025-02-24": (2, 1, 0, 0, 0, 1, 2, 1, 0.5, True),
        "2025-03-03": (0, 0, 0, 0, 0, 0, 0, 0, None, True),
        "2025-03-10": (2, 2, 0, 0, 0, 0, 1, 1, 1.0, True),
        "2025-03-17": (4, 0, 1, 1, 1, 1, 3, 0, 0.0, False),
    }
    columns = """bookings, canceled_meetings, delisted_meetings, upcoming_meetings,
        in_progress_meetings, elapsed_meetings, due_meetings, due_canceled_meetings, cancel_rate,
        is_complete"""
    assert warehouse.rows("weekly_bookings", f"week_start_on, {columns}") == [
        (on(week), *numbers) for week, numbers in weeks.items()
    ]


def test_differences_are_null_unless_both_weeks_are_complete(given: Given) -> None:
    booked = ["02-05", "02-06", "02-12", "02-25", "02-26", "02-27", "03-04", "03-11", "03-19"]
    canceled = {"02-12", "02-27"}
    warehouse = given(
        *(
            version(
                day,
                scheduled_at=at(f"2025-{day} 09:00"),
                status="CANCELED" if day in canceled else "ACTIVE",
            )
            for day in booked
        ),
        syncs=[
            sync("s1", at("2025-02-20"), window_from=at("2025-02-05 10:00")),
            sync("s2", gap_from=at("2025-03-12 09:00"), gap_to=at("2025-03-12 10:00")),
        ],
    )
    columns = "week_start_on, is_complete, bookings_difference, cancel_rate_difference"
    assert warehouse.rows("weekly_bookings", columns) == [
        (on("2025-02-03"), False, None, None),  # the first week of the warehouse
        (on("2025-02-10"), True, None, None),
        (on("2025-02-17"), True, -1, None),  # no meeting, no rate
        (on("2025-02-24"), True, 3, None),
        (on("2025-03-03"), True, -2, pytest.approx(-1 / 3)),
        (on("2025-03-10"), False, None, None),  # meets a gap
        (on("2025-03-17"), False, None, None),  # has not ended
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


def test_a_booking_on_a_sunday_in_utc_is_the_next_week_s_in_auckland(given: Given) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-03-16 12:00")),
        time_zone="Pacific/Auckland",
    )
    assert warehouse.rows("weekly_bookings", "week_start_on, bookings") == [(on("2025-03-17"), 1)]


def test_a_booking_on_a_monday_in_utc_is_the_last_week_s_in_los_angeles(given: Given) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-03-17 06:59")),
        time_zone="America/Los_Angeles",
    )
    assert warehouse.rows("weekly_bookings", "week_start_on, bookings") == [
        (on("2025-03-10"), 1),
        (on("2025-03-17"), 0),
    ]
