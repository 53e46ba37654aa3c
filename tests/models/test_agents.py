"""Who takes meetings, by which name, and in which team."""

from .conftest import Given, at, user, version


def test_every_user_and_everyone_whom_a_state_of_a_meeting_names_is_an_agent(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=6),  # lost the meeting, and is no user
        version("a", updated_at=at("2025-03-02 09:00"), agent_id=7),
        version("b", agent_id=8),
        version("c", agent_id=9),
        version("d", agent_id=None),
        users=[
            user(7, time_zone="Asia/Kolkata"),
            user(8, is_current=False),  # left, and keeps the name
            user(9, name=None, email=None, time_zone=None, is_current=False, is_gone=True),
            user(10),  # has no meeting
        ],
        teams={2: [7, 10], 1: [7]},
    )
    columns = "agent_id, agent_name, agent_email, team_name, time_zone, is_current, is_known"
    assert warehouse.rows("agents", columns) == [
        (6, None, None, None, None, False, False),
        (7, "Agent 7", "agent-7@example.com", "Team 1", "Asia/Kolkata", True, True),
        (8, "Agent 8", "agent-8@example.com", None, "Europe/Berlin", False, True),
        (9, None, None, None, None, False, False),
        (10, "Agent 10", "agent-10@example.com", "Team 2", "Europe/Berlin", True, True),
    ]
    assert warehouse.rows("meetings", "meeting_id, agent_id, agent_name, agent_first_team") == [
        ("a", 7, "Agent 7", "Team 1"),
        ("b", 8, "Agent 8", None),
        ("c", 9, None, None),
        ("d", None, None, None),
    ]
    assert warehouse.rows("data_health", "agent_known_share") == [(0.5,)]


def test_an_agent_who_lost_every_meeting_has_no_bookings(given: Given) -> None:
    warehouse = given(version(agent_id=7), version(updated_at=at("2025-03-02 09:00"), agent_id=8))
    assert warehouse.rows("agents", "agent_id, is_current") == [(7, False), (8, False)]
    assert warehouse.rows("bookings_by_agent", "agent_id, bookings") == [(8, 1)]


def test_who_left_a_team_and_who_is_in_a_team_that_is_gone_is_in_none(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7),
        version("b", agent_id=8),
        teams={1: [7], 2: [8]},
        left=[{"team_id": 1, "user_id": 7}],
        closed=[2],
    )
    assert warehouse.rows("bookings_by_team", "team_id, team_name, bookings") == [
        (None, "UNKNOWN", 2)
    ]
    assert warehouse.rows("agents", "agent_id, team_name") == [(7, None), (8, None)]
    assert warehouse.rows("team_distribution", "*") == []


def test_a_team_without_a_name_gives_no_agent_its_name_while_there_is_another(
    given: Given,
) -> None:
    warehouse = given(
        version("a", agent_id=7),
        version("b", agent_id=8),
        teams={1: [7, 8], 2: [7]},
        unnamed=[1],
    )
    assert warehouse.rows("agents", "agent_id, team_name") == [(7, "Team 2"), (8, None)]
    assert warehouse.rows("bookings_by_team", "team_id, team_name, bookings") == [
        (1, "1", 2),
        (2, "Team 2", 1),
    ]


def test_an_agent_has_a_zone_that_every_engine_knows_and_the_day_of_joining(given: Given) -> None:
    joined = at("2024-05-01 08:00")
    warehouse = given(
        version(agent_id=9),
        users=[
            user(7, time_zone="MET", known_time_zone="Europe/Brussels", created_at=joined),
            user(8, time_zone="Mars/Base", known_time_zone=None),
        ],
    )
    columns = "agent_id, time_zone, known_time_zone, user_created_at"
    assert warehouse.rows("agents", columns) == [
        (7, "MET", "Europe/Brussels", joined),
        (8, "Mars/Base", None, None),
        (9, None, None, None),
    ]


def test_the_first_team_is_one_of_several_in_which_an_agent_s_meetings_count(given: Given) -> None:
    warehouse = given(version("a", agent_id=7), version("b", agent_id=8), teams={1: [7], 2: [7, 8]})
    by_first_team = "select agent_first_team, count(*) from bookings.meetings group by 1 order by 1"
    assert warehouse.query(by_first_team) == [("Team 1", 1), ("Team 2", 1)]
    assert warehouse.rows("bookings_by_team", "team_name, bookings") == [
        ("Team 1", 1),
        ("Team 2", 2),
    ]
