"""Which weeks and months are known whole, and whether they have ended."""

import datetime as dt

import pytest

from .conftest import NOW, Given, at, on, sync, version

COLUMNS = "period_start_on, is_known, is_complete"


def test_a_week_is_complete_once_it_is_known_from_its_monday_on_and_has_ended(
    given: Given,
) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-02-12 09:00")),
        # read from Tuesday, 18 February, on
        syncs=[sync("s1", NOW - dt.timedelta(days=1)), sync("s2")],
    )
    assert warehouse.rows("data_health", "complete_from_on") == [(on("2025-02-18"),)]
    assert warehouse.rows("weekly_bookings", "week_start_on, bookings, is_complete") == [
        (on("2025-02-10"), 1, False),
        (on("2025-02-17"), 0, False),  # the first week of the warehouse: its Monday is not known
        (on("2025-02-24"), 0, True),
        (on("2025-03-03"), 0, True),
        (on("2025-03-10"), 0, True),
        (on("2025-03-17"), 0, False),  # has not ended
    ]
    weeks = "select is_known from bookings.booking_periods where period = 'week' order by all"
    assert warehouse.query(weeks) == [(False,)] * 2 + [(True,)] * 4


# the start of the first window, and whether the week of Monday, 24 February, is complete
FIRST_WINDOWS = {"2025-02-23 00:01": True, "2025-02-23 23:59": True, "2025-02-24 00:01": False}


@pytest.mark.parametrize("window_from", FIRST_WINDOWS)
def test_the_first_day_that_is_known_is_the_one_after_the_first_window_begins(
    given: Given, window_from: str
) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-02-25 09:00")),
        syncs=[sync("s1", at("2025-03-19"), window_from=at(window_from)), sync("s2")],
    )
    assert (
        warehouse.row("weekly_bookings", "bookings > 0")["is_complete"]
        is FIRST_WINDOWS[window_from]
    )


# when the newest sync began, the zone, and whether the week of 10 March has ended then
ENDS = [
    ("2025-03-16 23:59", "UTC", False),
    ("2025-03-17 00:00", "UTC", True),
    ("2025-03-16 11:30", "UTC", False),
    ("2025-03-16 11:30", "Pacific/Auckland", True),  # Monday, half past midnight there
    ("2025-03-17 06:59", "America/Los_Angeles", False),  # Sunday, 23:59 there
    ("2025-03-17 07:00", "America/Los_Angeles", True),
]


@pytest.mark.parametrize(("now", "time_zone", "is_complete"), ENDS)
def test_a_week_ends_at_midnight_in_the_zone_of_days(
    given: Given, now: str, time_zone: str, is_complete: bool
) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-03-12 12:00")),
        syncs=[sync(started_at=at(now))],
        time_zone=time_zone,
    )
    weeks = warehouse.query(
        f"select {COLUMNS} from bookings.booking_periods"
        " where period = 'week' and period_start_on = '2025-03-10'"
    )
    assert weeks == [(on("2025-03-10"), True, is_complete)]


def test_a_month_is_complete_once_it_is_known_from_its_first_on_and_has_ended(
    given: Given,
) -> None:
    months = ["2025-01-15", "2025-02-01", "2025-03-19"]
    warehouse = given(
        *(version(month, scheduled_at=at(f"{month} 12:00")) for month in months),
        syncs=[sync("s1", at("2025-02-01"), window_from=at("2025-01-01 12:00")), sync("s2")],
    )
    assert warehouse.query(
        f"select {COLUMNS} from bookings.booking_periods where period = 'month' order by all"
    ) == [
        (on("2025-01-01"), False, False),  # the first of January is not known whole
        (on("2025-02-01"), True, True),
        (on("2025-03-01"), True, False),  # has not ended
    ]


@pytest.mark.parametrize(
    ("now", "is_complete"), [("2025-02-28 23:59", False), ("2025-03-01 00:00", True)]
)
def test_a_month_ends_with_its_last_day(given: Given, now: str, is_complete: bool) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-02-10 12:00")),
        syncs=[sync("s1", at("2025-01-20")), sync("s2", at(now))],
    )
    assert warehouse.query(
        f"select {COLUMNS} from bookings.booking_periods where period = 'month'"
    ) == [(on("2025-02-01"), True, is_complete)]


# a gap, and which of the weeks of 24 February, 3 March and 10 March it leaves complete
GAPS = [
    ("2025-03-05 09:00", "2025-03-05 09:01", "UTC", [True, False, True]),  # inside a week
    ("2025-03-03 00:00", "2025-03-09 23:59", "UTC", [True, False, True]),  # a whole week
    ("2025-03-02 23:59", "2025-03-03 00:00", "UTC", [False, False, True]),  # over an edge
    ("2025-02-20 00:00", "2025-02-23 23:59", "UTC", [True, True, True]),  # before them
    ("2025-02-20 00:00", "2025-03-11 00:00", "UTC", [False, False, False]),  # several weeks
    ("2025-03-17 00:00", "2025-03-18 00:00", "UTC", [True, True, True]),  # after them
    # Sunday in UTC, Monday half past midnight in Auckland
    ("2025-03-02 11:30", "2025-03-02 11:31", "UTC", [False, True, True]),
    ("2025-03-02 11:30", "2025-03-02 11:31", "Pacific/Auckland", [True, False, True]),
    # Monday in UTC, Sunday 23:30 in Los Angeles
    ("2025-03-10 06:30", "2025-03-10 06:31", "America/Los_Angeles", [True, False, True]),
]


@pytest.mark.parametrize(("gap_from", "gap_to", "time_zone", "complete"), GAPS)
def test_a_week_that_meets_a_gap_is_not_complete(
    given: Given, gap_from: str, gap_to: str, time_zone: str, complete: list[bool]
) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-02-26 12:00")),
        syncs=[
            sync("s1", at("2025-02-01")),
            sync("s2", at("2025-03-18"), gap_from=at(gap_from), gap_to=at(gap_to)),
            sync("s3"),
        ],
        time_zone=time_zone,
    )
    weeks = warehouse.rows("weekly_bookings", "week_start_on, is_complete")
    assert weeks == [
        (on("2025-02-24"), complete[0]),
        (on("2025-03-03"), complete[1]),
        (on("2025-03-10"), complete[2]),
        (on("2025-03-17"), False),
    ]


def test_a_month_that_meets_a_gap_of_any_sync_is_not_complete(given: Given) -> None:
    months = ["2024-10-15", "2024-11-15", "2024-12-15", "2025-01-15", "2025-02-15"]
    edge = {"gap_from": at("2024-11-30 23:00"), "gap_to": at("2024-12-01 01:00")}
    inside = {"gap_from": at("2025-02-28 23:00"), "gap_to": at("2025-02-28 23:59")}
    warehouse = given(
        *(version(month, scheduled_at=at(f"{month} 12:00")) for month in months),
        syncs=[
            sync("s1", at("2024-10-01"), window_from=at("2024-09-01")),
            sync("s2", at("2025-01-01"), **edge),
            sync("s3", **inside),
        ],
    )
    assert warehouse.query(
        f"select {COLUMNS} from bookings.booking_periods where period = 'month' order by all"
    ) == [
        (on("2024-10-01"), True, True),
        (on("2024-11-01"), False, False),
        (on("2024-12-01"), False, False),
        (on("2025-01-01"), True, True),
        (on("2025-02-01"), False, False),
    ]


def test_the_56_days_that_end_yesterday_are_complete_once_they_are_known(given: Given) -> None:
    warehouse = given(version(), syncs=[sync("s1", at("2025-01-10")), sync("s2")])
    assert warehouse.query(
        f"select {COLUMNS} from bookings.booking_periods where period = 'last_56_days'"
    ) == [(on("2025-01-23"), True, True)]


def test_before_the_first_sync_no_period_is_known(given: Given) -> None:
    warehouse = given(version(), syncs=[])
    assert warehouse.rows("booking_periods", f"period, {COLUMNS}") == [
        ("month", on("2025-03-01"), False, False),
        ("week", on("2025-02-24"), False, False),
    ]
