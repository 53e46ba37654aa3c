"""Names of agents, and the numbers of teams and playbooks."""

import pytest

from .conftest import Given, at, user, version

SIX = "bookings, canceled_meetings, bookings_share, median_lead_time_hours, visitors, booked_hours"


def test_an_agent_has_the_name_address_and_team_that_drift_gives(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7),
        version("b", agent_id=8),
        version("c", agent_id=9),
        version("d", agent_id=None),
        users=[
            user(7),
            user(8, is_current=False),  # left, and keeps the name
            user(9, name=None, email=None, is_current=False, is_gone=True),
            user(10),  # has no meeting
        ],
        teams={2: [7, 10], 1: [7]},
    )
    names = "agent_id, agent_name, agent_email"
    known = [(7, "Agent 7", "agent-7@example.com"), (8, "Agent 8", "agent-8@example.com")]
    assert warehouse.rows("meetings", names) == [*known, (9, None, None), (None, None, None)]
    assert warehouse.rows("bookings_by_agent", names) == [
        *known,
        (9, None, None),
        (None, "Unassigned", None),
    ]
    assert warehouse.rows("agents", "agent_id, agent_name, team_name, is_current, bookings") == [
        (7, "Agent 7", "Team 1", True, 1),
        (8, "Agent 8", None, False, 1),
        (9, None, None, False, 1),
        (10, "Agent 10", "Team 2", True, 0),
    ]
    assert warehouse.rows("data_health", "agent_known_share") == [(0.5,)]


def test_an_agent_s_meetings_count_in_each_of_the_teams(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7, status="CANCELED", scheduler_id=1),
        version("b", agent_id=7, scheduler_id=2, slot_start=at("2025-03-05 09:00")),
        version("c", agent_id=8, scheduler_id=1, slot_start=at("2025-03-03 09:00")),
        version("d", agent_id=8, scheduler_id=1, slot_start=at("2025-03-04 09:00")),
        version("e", agent_id=9, scheduler_id=5),
        version("f", agent_id=None, scheduler_id=6),
        version("g", agent_id=None, scheduler_id=6),
        version("h", agent_id=None, scheduler_id=6),
        teams={1: [7, 8], 2: [8], 3: [99]},
    )
    # hours from booking to start: a 221, b 96, c 48, d 72
    assert warehouse.query(f"select team_id, team_name, {SIX} from bookings.bookings_by_team") == [
        (
            1,
            "Team 1",
            4,
            1,
            0.5,
            84.0,
            2,
            pytest.approx((5 * 24 + 5.5) + 7 * 24 + 5.5 + 6 * 24 + 5.5),
        ),
        (None, "Unassigned", 4, 0, 0.5, None, None, 2.0),
        (2, "Team 2", 2, 0, 0.25, 60.0, 1, pytest.approx(7 * 24 + 5.5 + 6 * 24 + 5.5)),
    ]
    assert warehouse.query(
        "select repeat_visitors from bookings.bookings_by_team where team_id = 1"
    ) == [(1,)]  # contact 1 with both agents


def test_who_left_a_team_and_who_is_in_a_team_that_is_gone_is_in_none(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7),
        version("b", agent_id=8),
        teams={1: [7], 2: [8]},
        left=[{"team_id": 1, "user_id": 7}],
        closed=[2],
    )
    assert warehouse.rows("bookings_by_team", "team_id, bookings") == [(None, 2)]
    assert warehouse.rows("agents", "agent_id, team_name") == [(7, None), (8, None)]


def test_a_meeting_counts_for_the_playbook_of_its_conversation(given: Given) -> None:
    warehouse = given(
        version("a", conversation_id=1, scheduler_id=1),
        version("b", conversation_id=2, scheduler_id=1, status="CANCELED"),
        version("c", conversation_id=3),
        version("d", conversation_id=None, meeting_source=None),
        conversations=[
            {"id": 1, "playbook_id": "60", "created_at": at("2025-03-01 08:30")},
            {"id": 2, "playbook_id": "60", "created_at": None},
            {"id": 3, "playbook_id": None, "created_at": at("2025-03-01 09:01")},
        ],
    )
    assert warehouse.rows("meetings", "meeting_id, playbook_id, time_to_book_minutes") == [
        ("a", "60", 30.0),
        ("b", "60", None),
        ("c", None, -1.0),
        ("d", None, None),
    ]
    assert warehouse.rows("bookings_by_playbook", f"playbook_id, {SIX}, repeat_visitors") == [
        ("60", 2, 1, 0.5, 221.0, 1, 0.5, 1),
        ("UNKNOWN", 2, 0, 0.5, None, None, 1.0, None),
    ]
    assert warehouse.rows("bookings_by_source", "meeting_source, bookings") == [
        ("UNKNOWN", 1),
        ("WIDGET", 3),
    ]


def test_without_neighbours_the_tables_are_there_and_add_up(given: Given) -> None:
    warehouse = given(version("a"), version("b", agent_id=None))
    assert warehouse.rows("bookings_by_team", "team_id, team_name, bookings") == [
        (None, "Unassigned", 2)
    ]
    assert warehouse.rows("bookings_by_playbook", "playbook_id, bookings") == [("UNKNOWN", 2)]
    assert warehouse.rows("agents", "agent_id, agent_name, is_current") == [(7, None, None)]
