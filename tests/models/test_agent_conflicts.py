"""Which of an agent's meetings overlap with which, as pairs."""

from .conftest import NOW, Given, Row, at, on, user, version
from .test_agent_days import DAYS

DAY = "2025-03-21"  # the day after NOW
PAIRS = "meeting_id, other_meeting_id, overlap_minutes"


def slot(slug: str, start: str, end: str | None, day: str = DAY, **attributes: object) -> Row:
    """A meeting of that day, from one hour to another."""
    times = {"slot_start": at(f"{day} {start}"), "slot_end": end and at(f"{day} {end}")}
    return version(slug, **times, **attributes)


def test_a_conflict_names_both_meetings_the_agent_the_day_and_the_minutes(given: Given) -> None:
    warehouse = given(
        slot("long", "09:00", "12:00"),
        slot("b", "11:30", "12:30"),
        slot("alone", "14:00", "15:00"),
        users=[user(7)],
    )
    expected = {
        "agent_id": 7,
        "agent_name": "Agent 7",
        "meeting_id": "b",
        "other_meeting_id": "long",
        "meeting_on": on(DAY),
        "slot_start_at": at(f"{DAY} 11:30"),
        "overlap_minutes": 30.0,
    }
    assert warehouse.row("agent_conflicts", columns=expected) == expected


def test_each_pair_is_one_row_and_meetings_that_touch_are_none(given: Given) -> None:
    warehouse = given(
        slot("a", "09:00", "12:00"),
        slot("b", "09:30", "09:45"),
        slot("c", "10:00", "10:20"),  # after b, still in a
        slot("d", "12:00", "13:00"),  # as a ends
        slot("x", "15:00", "16:00", agent_id=8),
        slot("y", "15:00", "15:10", agent_id=8),
        slot("z", "15:00", "15:05", agent_id=8),  # three that start together
    )
    assert warehouse.rows("agent_conflicts", PAIRS) == [
        ("b", "a", 15.0),
        ("c", "a", 20.0),
        ("y", "x", 10.0),
        ("z", "x", 5.0),
        ("z", "y", 5.0),
    ]


def test_the_one_that_starts_later_is_named_first_whatever_its_id(given: Given) -> None:
    warehouse = given(slot("a", "09:10", "10:00"), slot("z", "09:00", "10:00"))
    assert warehouse.rows("agent_conflicts", PAIRS) == [("a", "z", 50.0)]


def test_one_without_an_end_or_with_one_before_its_start_overlaps_for_no_minutes(
    given: Given,
) -> None:
    warehouse = given(
        slot("a", "09:00", "10:00"),
        slot("b", "09:30", None),
        slot("c", "09:40", "09:10"),
        slot("d", "09:40", None),  # neither of c and d is on while the other starts
        slot("e", "08:00", None, agent_id=8),
        slot("f", "08:00", "09:00", agent_id=8),
        slot("g", "08:30", "09:30", agent_id=9),
        slot("h", "08:30", None, agent_id=9),
    )
    assert warehouse.rows("agent_conflicts", PAIRS) == [
        ("b", "a", 0.0),
        ("c", "a", 0.0),
        ("d", "a", 0.0),
        ("f", "e", 0.0),
        ("h", "g", 0.0),
    ]


def test_meetings_that_are_lost_of_nobody_or_of_two_agents_are_in_no_conflict(
    given: Given,
) -> None:
    warehouse = given(
        slot("a", "09:00", "12:00"),
        slot("canceled", "09:30", "10:00", status="CANCELED"),
        slot("delisted", "09:30", "10:00"),
        slot("other's", "09:30", "10:00", agent_id=8),
        slot("nobody's", "09:30", "10:00", agent_id=None),
        slot("nobody's too", "09:30", "10:00", agent_id=None),
        version("no start", slot_start=None),
        listed=["a", "canceled", "other's", "nobody's", "nobody's too", "no start"],
    )
    assert warehouse.rows("agent_conflicts", PAIRS) == []


def test_a_conflict_is_there_until_both_meetings_have_ended(given: Given) -> None:
    today = f"{NOW:%Y-%m-%d}"  # 15:30 there
    warehouse = given(
        slot("a", "14:00", "15:30", today),  # both have ended
        slot("b", "14:30", "15:00", today),
        slot("c", "13:00", "15:31", today, agent_id=8),  # the earlier one is on
        slot("d", "14:00", "14:10", today, agent_id=8),
        slot("e", "15:00", "15:20", today, agent_id=9),  # the later one is ahead
        slot("f", "15:10", "16:00", today, agent_id=9),
        slot("long over", "08:00", "08:30", today, agent_id=9),
        slot("long over too", "08:10", "08:20", today, agent_id=9),
    )
    assert warehouse.rows("agent_conflicts", PAIRS) == [("d", "c", 10.0), ("f", "e", 10.0)]


def test_a_conflict_over_midnight_is_of_the_day_on_which_the_later_meeting_starts(
    given: Given,
) -> None:
    rows = [
        version("a", slot_start=at("2025-03-21 23:00"), slot_end=at("2025-03-22 00:10")),
        version("b", slot_start=at("2025-03-22 00:05"), slot_end=at("2025-03-22 00:30")),
    ]
    days = given(*rows).rows("agent_conflicts", "meeting_on, overlap_minutes")
    assert days == [(on("2025-03-22"), 5.0)]


def test_the_days_with_conflicts_are_those_whose_meetings_overlap(given: Given) -> None:
    """Whatever the case: agent_days counts the meetings of which conflicts are the pairs."""
    warehouse = given(
        *(
            slot(f"{case} {number}", start, end, agent_id=agent)
            for agent, (case, (slots, _)) in enumerate(DAYS.items())
            for number, (start, end) in enumerate(slots)
        )
    )
    overlapping = warehouse.query(
        "select agent_id, meeting_on from bookings.agent_days where overlapping_meetings > 0"
        " order by all"
    )
    assert (
        warehouse.query(
            "select distinct agent_id, meeting_on from bookings.agent_conflicts order by all"
        )
        == overlapping
    )
    assert len(overlapping) > 5
