"""Each group's bookings by week and by month."""

from .conftest import DIMENSIONS, Given, at, on, sync, version

KEYS = "period, period_start_on, dimension, group_key"


def test_a_group_s_period_has_every_count(given: Given) -> None:
    warehouse = given(
        version("a", status="CANCELED"),
        version("b"),
        version("c", slot_start=at("2025-03-20 15:00"), slot_end=at("2025-03-20 16:00")),
        version("d", slot_start=at("2025-03-21 09:00"), slot_end=at("2025-03-21 09:15")),
        version("e", status="CANCELED", slot_start=at("2025-03-21 09:00")),
        version("f"),
        version("other", agent_id=8),
        listed=["a", "c", "d", "f", "other"],
        syncs=[sync("s1", at("2025-02-01")), sync("s2")],
    )
    expected = {
        "period": "week",
        "period_start_on": on("2025-02-24"),
        "dimension": "agent",
        "group_key": "7",
        "group_name": "7",
        "bookings": 6,
        "canceled_meetings": 2,
        "delisted_meetings": 1,
        "upcoming_meetings": 1,
        "in_progress_meetings": 1,
        "elapsed_meetings": 1,
        "due_meetings": 4,
        "due_canceled_meetings": 1,
        "cancel_rate": 0.25,
        "is_complete": True,
    }
    group = "dimension = 'agent' and group_key = '7'"
    week = warehouse.row("booking_trends", f"{group} and period = 'week'", expected)
    assert week == expected
    differs = {"period": "month", "period_start_on": on("2025-03-01"), "is_complete": False}
    month = warehouse.row("booking_trends", f"{group} and period = 'month'", expected)
    assert month == expected | differs


def test_a_week_over_the_end_of_a_month_is_one_week_and_two_months(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-02-28 23:59")),
        version("b", scheduled_at=at("2025-03-01 00:00")),
        version("c", scheduled_at=at("2025-03-03 00:00"), meeting_source="LINK"),
        syncs=[sync("s1", at("2025-01-20")), sync("s2")],
    )
    columns = f"{KEYS}, bookings, is_complete"
    assert warehouse.query(
        f"select {columns} from bookings.booking_trends"
        " where dimension in ('all', 'source') order by all"
    ) == [
        ("month", on("2025-02-01"), "all", "all", 1, True),
        ("month", on("2025-02-01"), "source", "WIDGET", 1, True),
        ("month", on("2025-03-01"), "all", "all", 2, False),
        ("month", on("2025-03-01"), "source", "LINK", 1, False),
        ("month", on("2025-03-01"), "source", "WIDGET", 1, False),
        ("week", on("2025-02-24"), "all", "all", 2, True),
        ("week", on("2025-02-24"), "source", "WIDGET", 2, True),
        ("week", on("2025-03-03"), "all", "all", 1, True),
        ("week", on("2025-03-03"), "source", "LINK", 1, True),
    ]


def test_every_dimension_has_its_trend_and_adds_up_but_team(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7, meeting_type=None, conversation_id=1),
        version("b", agent_id=None, scheduled_at=at("2025-03-12 09:00")),
        version("c", agent_id=8, meeting_source=None),
        teams={1: [7], 2: [7]},
        conversations=[{"id": 1, "playbook_id": "60"}],
        playbooks=[{"id": 60, "name": "Book a demo"}],
    )
    sums = "period, dimension, cast(sum(bookings) as bigint)"
    assert warehouse.query(
        f"select {sums} from bookings.booking_trends group by all order by all"
    ) == [
        (period, dimension, 4 if dimension == "team" else 3)
        for period in ("month", "week")
        for dimension in sorted(DIMENSIONS)
    ]
    assert warehouse.query(
        "select group_key, group_name from bookings.booking_trends"
        " where period = 'month' and dimension in ('team', 'playbook') order by all"
    ) == [
        ("1", "Team 1"),
        ("2", "Team 2"),
        ("60", "Book a demo"),
        ("UNKNOWN", "UNKNOWN"),
        ("UNKNOWN", "UNKNOWN"),
    ]


def test_a_period_without_due_meetings_has_no_rate(given: Given) -> None:
    warehouse = given(version(status="CANCELED", slot_start=at("2025-03-21 09:00")))
    assert warehouse.query(
        "select distinct due_meetings, due_canceled_meetings, cancel_rate"
        " from bookings.booking_trends"
    ) == [(0, 0, None)]


def test_periods_begin_in_the_zone_of_days(given: Given) -> None:
    meetings = [
        version("a", scheduled_at=at("2025-02-28 12:00")),  # Saturday, 1 March in Auckland
        version("b", scheduled_at=at("2025-03-02 12:00")),  # Monday, 3 March in Auckland
    ]
    rows = given(*meetings, time_zone="Pacific/Auckland").query(
        "select period, period_start_on, bookings from bookings.booking_trends"
        " where dimension = 'all' order by all"
    )
    assert rows == [
        ("month", on("2025-03-01"), 2),
        ("week", on("2025-02-24"), 1),
        ("week", on("2025-03-03"), 1),
    ]
