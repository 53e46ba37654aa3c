"""Each agent's days: meetings, hours, and which of them overlap."""

import pytest

from .conftest import Given, Row, at, on, version

DAY = "2025-03-10"


def slot(slug: str, start: str, end: str | None, **attributes: object) -> Row:
    """A meeting from one hour to another of 10 March, or of the day that is named."""

    def moment(text: str) -> object:
        return at(text if " " in text else f"{DAY} {text}")

    times = {"slot_start": moment(start), "slot_end": end and moment(end)}
    return version(slug, **times, **attributes)


def test_an_agent_s_day_has_its_meetings_hours_and_ends(given: Given) -> None:
    warehouse = given(
        slot("a", "09:00", "09:30"),
        slot("b", "14:00", "15:00"),
        slot("c", "16:00", None),
        slot("lost", "08:00", "08:30", status="CANCELED"),
        slot("gone", "18:00", "19:00"),
        slot("backwards", "12:00", "11:00"),
        slot("other", "08:00", "20:00", agent_id=8),
        slot("ahead", "2025-04-01 09:00", "2025-04-01 09:45"),
        slot("lost too", "2025-04-02 09:00", "2025-04-02 09:45", status="CANCELED"),
        slot("nobody", "09:00", "10:00", agent_id=None),
        version("no start", slot_start=None, slot_end=None),
        listed=["a", "b", "c", "lost", "backwards", "other", "ahead", "lost too", "nobody"],
    )
    columns = """agent_id, meeting_on, meetings, canceled_meetings, booked_hours, first_start_at,
        last_end_at, overlapping_meetings"""
    assert warehouse.rows("agent_days", columns) == [
        # a, b, c and backwards; c has no end, so that it ends as it starts
        (7, on(DAY), 4, 1, 1.5, at(f"{DAY} 09:00"), at(f"{DAY} 16:00"), 0),
        (7, on("2025-04-01"), 1, 0, 0.75, at("2025-04-01 09:00"), at("2025-04-01 09:45"), 0),
        (7, on("2025-04-02"), 0, 1, 0.0, None, None, 0),
        (8, on(DAY), 1, 0, 12.0, at(f"{DAY} 08:00"), at(f"{DAY} 20:00"), 0),
    ]


# start and end of an agent's meetings, and how many of them start while another one is on
DAYS: dict[str, tuple[list[tuple[str, str | None]], int]] = {
    "one meeting alone": ([("09:00", "10:00")], 0),
    "back to back": ([("09:00", "10:00"), ("10:00", "11:00")], 0),
    "overlapping by a minute": ([("09:00", "10:00"), ("09:59", "11:00")], 1),
    "starting together": ([("09:00", "10:00"), ("09:00", "10:00")], 2),
    "starting together, one longer": ([("09:00", "09:15"), ("09:00", "10:00")], 2),
    "three starting together": ([("09:00", "10:00")] * 3, 3),
    "two inside a long one": ([("09:00", "12:00"), ("09:30", "10:00"), ("11:00", "11:30")], 2),
    "after the short one, still in the long one": (
        [("09:00", "12:00"), ("09:30", "09:45"), ("10:00", "10:15")],
        2,
    ),
    "a chain": ([("09:00", "10:00"), ("09:30", "10:30"), ("10:15", "11:00")], 2),
    "without an end, during another": ([("09:00", "10:00"), ("09:30", None)], 1),
    "without an end, before another": ([("09:30", None), ("09:45", "10:00")], 0),
    "without an end, together with another": ([("09:00", None), ("09:00", "10:00")], 1),
    "two of no length, together with a long one": (
        [("09:00", "09:00"), ("09:00", "09:00"), ("09:00", "10:00")],
        2,
    ),
    "both without an end": ([("09:00", None), ("09:00", None)], 0),
    "ending before it starts": ([("09:30", "08:00"), ("09:00", "09:15")], 0),
}


def test_a_meeting_overlaps_if_it_starts_while_another_one_of_the_agent_s_is_on(
    given: Given,
) -> None:
    warehouse = given(
        *(
            slot(f"{case} {number}", start, end, agent_id=agent)
            for agent, (case, (slots, _)) in enumerate(DAYS.items())
            for number, (start, end) in enumerate(slots)
        )
    )
    assert warehouse.rows("agent_days", "agent_id, meetings, overlapping_meetings") == [
        (agent, len(slots), overlapping) for agent, (slots, overlapping) in enumerate(DAYS.values())
    ]


def test_meetings_of_two_agents_never_overlap(given: Given) -> None:
    warehouse = given(
        slot("a", "09:00", "10:00", agent_id=7),
        slot("b", "09:59", "11:00", agent_id=8),
        slot("c", "09:00", "10:00", agent_id=9),
        slot("d", "10:00", "11:00", agent_id=9),
        slot("e", "09:30", "11:00", agent_id=None),
        slot("f", "09:45", "11:00", agent_id=None),
    )
    assert warehouse.rows("agent_days", "agent_id, overlapping_meetings") == [
        (7, 0),
        (8, 0),
        (9, 0),
    ]


def test_canceled_and_delisted_meetings_overlap_with_nothing(given: Given) -> None:
    warehouse = given(
        slot("lost", "09:00", "12:00", status="CANCELED"),
        slot("gone", "09:00", "12:00"),
        slot("a", "09:30", "10:00"),
        slot("lost too", "09:45", "10:15", status="CANCELED"),
        listed=["lost", "a", "lost too"],
    )
    columns = "meetings, canceled_meetings, overlapping_meetings"
    assert warehouse.rows("agent_days", columns) == [(1, 2, 0)]


@pytest.mark.parametrize(
    ("time_zone", "days"),
    [
        ("UTC", [("2025-03-10", 2, 1), ("2025-03-11", 2, 1)]),
        # five hours later there, in the summer four: all of it is the evening of the 10th
        ("America/New_York", [("2025-03-10", 4, 2)]),
    ],
)
def test_a_meeting_may_overlap_with_one_of_the_day_before(
    given: Given, time_zone: str, days: list[tuple[str, int, int]]
) -> None:
    warehouse = given(
        slot("a", "23:00", "2025-03-11 00:10"),
        slot("b", "23:30", "23:45"),
        slot("c", "2025-03-11 00:09", "2025-03-11 00:30"),
        slot("d", "2025-03-11 00:30", "2025-03-11 01:00"),
        time_zone=time_zone,
    )
    assert warehouse.rows("agent_days", "meeting_on, meetings, overlapping_meetings") == [
        (on(day), meetings, overlapping) for day, meetings, overlapping in days
    ]


def test_hours_and_the_last_end_are_those_of_the_day_on_which_a_meeting_starts(
    given: Given,
) -> None:
    warehouse = given(slot("night", "23:30", "2025-03-11 00:30"))
    columns = "meeting_on, booked_hours, last_end_at"
    assert warehouse.rows("agent_days", columns) == [(on(DAY), 1.0, at("2025-03-11 00:30"))]
