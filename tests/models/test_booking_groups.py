"""The numbers of each agent, source and type."""

import datetime as dt

import pytest

from .conftest import NOW, Given, at, sync, version


def booked(slug: str, days_ago: int, **attributes: object) -> dict[str, object]:
    """A meeting booked that many days before today, for the next day."""
    scheduled_at = NOW - dt.timedelta(days=days_ago)
    start = scheduled_at + dt.timedelta(days=1)
    times = {"slot_start": start, "slot_end": start + dt.timedelta(minutes=30)}
    return dict(version(slug, **{"scheduled_at": scheduled_at} | times | attributes))


def test_an_agent_s_row_has_every_number(given: Given) -> None:
    warehouse = given(
        # agent 7: five bookings, of which one cancelled, one delisted, one in each other state
        version("a", status="CANCELED", scheduler_id=1, booked_by=3),
        version("b", scheduler_id=1, scheduled_at=at("2025-03-01 10:00")),
        version(
            "c", scheduler_id=2, slot_start=at("2025-03-20 15:00"), slot_end=at("2025-03-20 16:00")
        ),
        version(
            "d", scheduler_id=2, slot_start=at("2025-03-21 09:00"), slot_end=at("2025-03-21 09:15")
        ),
        version("e", scheduler_id=None),
        version(
            "e",
            scheduler_id=None,
            updated_at=at("2025-03-02 09:00"),
            slot_start=at("2025-03-12 14:00"),
            slot_end=at("2025-03-12 14:40"),
        ),
        # another agent's: three fifths of all bookings are not theirs
        version("f", agent_id=8),
        version("g", agent_id=8),
        version("h", agent_id=8),
        listed=["a", "c", "d", "e", "f", "g", "h"],
    )
    assert warehouse.row("bookings_by_agent", "agent_id = 7") == {
        "agent_id": 7,
        "agent_name": None,
        "agent_email": None,
        "bookings": 5,
        "canceled_meetings": 1,
        "delisted_meetings": 1,
        "upcoming_meetings": 1,
        "in_progress_meetings": 1,
        "elapsed_meetings": 1,
        "rescheduled_meetings": 1,
        "self_booked_meetings": 4,
        "cancel_rate": 0.2,
        "reschedule_rate": 0.2,
        "self_booked_rate": 0.8,
        "bookings_share": 0.625,  # 5 of 8
        "bookings_last_28_days": 5,
        "bookings_prior_28_days": 0,
        "bookings_change": None,
        # hours from booking to start: a 221, b 220, c 462, d 480, e 269
        "median_lead_time_hours": 269.0,
        "p90_lead_time_hours": pytest.approx(472.8),  # place 0.9 * 4 = 3.6: 462 + 0.6 * 18
        "booked_hours": pytest.approx((60 + 15 + 40) / 60),  # c, d and e; a cancelled, b delisted
        "visitors": 2,
        "repeat_visitors": 2,
        "first_booked_at": at("2025-03-01 09:00"),
        "last_booked_at": at("2025-03-01 10:00"),
    }


def test_what_has_no_agent_source_or_type_is_counted_as_such(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=None, meeting_source=None, meeting_type=None),
        version("b", agent_id=8),
    )
    assert warehouse.rows("bookings_by_agent", "agent_id, agent_name, bookings") == [
        (8, None, 1),
        (None, "Unassigned", 1),
    ]
    assert warehouse.rows("bookings_by_source", "meeting_source, bookings, bookings_share") == [
        ("UNKNOWN", 1, 0.5),
        ("WIDGET", 1, 0.5),
    ]
    assert warehouse.rows("bookings_by_meeting_type", "meeting_type, bookings") == [
        ("Demo", 1),
        ("UNKNOWN", 1),
    ]
    assert warehouse.rows("meetings", "meeting_source, meeting_type")[-1] == (None, None)


def test_the_most_booked_come_first_and_equals_in_order_of_their_key(given: Given) -> None:
    sources = ["b", "c", "a", "c"]
    warehouse = given(*(version(f"m{n}", meeting_source=s) for n, s in enumerate(sources)))
    assert warehouse.query("select meeting_source, bookings from bookings.bookings_by_source") == [
        ("c", 2),
        ("a", 1),
        ("b", 1),
    ]


def test_the_last_28_days_end_with_today_and_the_28_before_end_where_they_begin(
    given: Given,
) -> None:
    days_ago = [-1, 0, 27, 28, 55, 56]
    warehouse = given(*(booked(f"m{days}", days) for days in days_ago))
    columns = "bookings, bookings_last_28_days, bookings_prior_28_days, bookings_change"
    # 0 and 27 are in the last 28 days, 28 and 55 in those before: 2 / 2 - 1
    assert warehouse.rows("bookings_by_source", columns) == [(6, 2, 2, 0.0)]


def test_the_28_days_are_counted_in_the_zone_of_days(given: Given) -> None:
    # 02:00 UTC on the 20th is the 19th in New York; 27 days before that is 20 February
    warehouse = given(
        version("a", scheduled_at=at("2025-02-20 04:59")),  # 19 February there
        version("b", scheduled_at=at("2025-02-20 05:00")),  # 20 February there
        syncs=[sync(started_at=at("2025-03-20 02:00"))],
        time_zone="America/New_York",
    )
    columns = "bookings_last_28_days, bookings_prior_28_days, bookings_change"
    assert warehouse.rows("bookings_by_source", columns) == [(1, 1, 0.0)]


def test_the_change_is_relative_to_the_28_days_before(given: Given) -> None:
    warehouse = given(*(booked(f"m{days}", days) for days in [1, 2, 3, 30, 31]))
    # 3 / 2 - 1
    assert warehouse.rows("bookings_by_source", "bookings_change") == [(0.5,)]


def test_no_bookings_lately_is_a_change_of_minus_one(given: Given) -> None:
    assert given(booked("m1", 30)).rows("bookings_by_source", "bookings_change") == [(-1.0,)]


@pytest.mark.parametrize(
    ("hours", "median", "p90"),
    [
        ([5], 5.0, 5.0),
        ([4, 2], 3.0, 3.8),  # place 0.9: 2 + 0.9 * 2
        ([1, 2, 10], 2.0, 8.4),  # place 1.8: 2 + 0.8 * 8
        ([4, 4, 4, 4], 4.0, 4.0),
        (list(range(11)), 5.0, 9.0),
        ([-2, 6, None], 2.0, 5.2),  # an absent one is left out: place 0.9: -2 + 0.9 * 8
        ([None], None, None),
    ],
)
def test_percentiles_are_interpolated_between_the_neighbours(
    given: Given, hours: list[float | None], median: float | None, p90: float | None
) -> None:
    start = at("2025-03-10 14:00")
    warehouse = given(
        *(
            version(
                f"m{number}",
                slot_start=None if lead is None else start,
                scheduled_at=start - dt.timedelta(hours=lead or 0),
            )
            for number, lead in enumerate(hours)
        )
    )
    row = warehouse.row("bookings_by_meeting_type")
    assert row["median_lead_time_hours"] == (None if median is None else pytest.approx(median))
    assert row["p90_lead_time_hours"] == (None if p90 is None else pytest.approx(p90))
    assert row["bookings"] == len(hours)


def test_meetings_cancelled_delisted_or_ending_before_they_start_book_no_hours(
    given: Given,
) -> None:
    warehouse = given(
        version("a", status="CANCELED"),
        version("b", slot_end=at("2025-03-10 13:00")),
        version("c"),
        listed=["a", "b"],
    )
    assert warehouse.rows("bookings_by_source", "booked_hours") == [(0.0,)]


def test_a_visitor_repeats_within_a_group_not_across_groups(given: Given) -> None:
    warehouse = given(
        version("a", scheduler_id=1, meeting_type="Demo"),
        version("b", scheduler_id=1, meeting_type="Call"),
        version("c", scheduler_id=2, meeting_type="Call"),
        version("d", scheduler_id=2, meeting_type="Call"),
        version("e", scheduler_id=None, meeting_type="Call"),
        version("f", scheduler_id=None, meeting_type="Call"),
    )
    assert warehouse.rows(
        "bookings_by_meeting_type", "meeting_type, visitors, repeat_visitors"
    ) == [
        ("Call", 2, 1),
        ("Demo", 1, 0),
    ]
    assert warehouse.rows("bookings_by_source", "visitors, repeat_visitors") == [(2, 2)]


def test_an_agent_who_lost_every_meeting_stays_known_without_bookings(given: Given) -> None:
    warehouse = given(version(agent_id=7), version(updated_at=at("2025-03-02 09:00"), agent_id=8))
    assert warehouse.rows("agents", "*") == [
        (7, None, None, None, None, 0, None, None),
        (8, None, None, None, None, 1, at("2025-03-01 09:00"), at("2025-03-01 09:00")),
    ]
    assert warehouse.rows("bookings_by_agent", "agent_id") == [(8,)]
