"""How fairly a team's bookings are spread."""

import pytest

from .conftest import Given, at, sync, user, version


def test_each_member_s_share_is_beside_an_equal_one(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7),
        version("b", agent_id=7),
        version("c", agent_id=7, status="CANCELED"),
        version("d", agent_id=8),
        version("e", agent_id=9),  # in no team
        version("f", agent_id=None),
        users=[user(7), user(8, is_current=False)],
        teams={1: [7, 8, 99], 2: [7], 3: [98, 99]},
    )
    third = pytest.approx(1 / 3)
    columns = """team_id, team_name, agent_id, agent_name, bookings_last_28_days, bookings_share,
        equal_share, deviation, reassigned_to, reassigned_away"""
    assert warehouse.rows("team_distribution", columns) == [
        (1, "Team 1", 7, "Agent 7", 3, 0.75, third, pytest.approx(3 / 4 - 1 / 3), 0, 0),
        (1, "Team 1", 8, "Agent 8", 1, 0.25, third, pytest.approx(1 / 4 - 1 / 3), 0, 0),
        (1, "Team 1", 99, None, 0, 0.0, third, pytest.approx(-1 / 3), 0, 0),
        (2, "Team 2", 7, "Agent 7", 3, 1.0, 1.0, 0.0, 0, 0),
        (3, "Team 3", 98, None, 0, None, 0.5, None, 0, 0),
        (3, "Team 3", 99, None, 0, None, 0.5, None, 0, 0),
    ]


def test_bookings_of_the_last_28_days_count_in_the_zone_of_days(given: Given) -> None:
    # 02:00 UTC on the 20th is the 19th in New York; 28 days before that is 19 February
    warehouse = given(
        version("a", scheduled_at=at("2025-02-19 04:59")),  # 18 February there
        version("b", scheduled_at=at("2025-02-19 05:00")),  # 19 February there
        version("c", scheduled_at=at("2025-03-19 03:59")),  # 18 March there
        version("d", scheduled_at=at("2025-03-19 04:00")),  # today
        syncs=[sync(started_at=at("2025-03-20 02:00"))],
        teams={1: [7]},
        time_zone="America/New_York",
    )
    assert warehouse.rows("team_distribution", "bookings_last_28_days") == [(2,)]


def test_who_took_over_and_who_handed_over_in_these_days_is_counted(given: Given) -> None:
    moves = {
        "first of the days": "2025-02-20 00:00",
        "the day before": "2025-02-19 23:59",
        "yesterday": "2025-03-19 23:59",
        "today": "2025-03-20 15:00",
    }
    warehouse = given(
        *(version(slug, updated_at=at("2025-02-01 09:00"), agent_id=7) for slug in moves),
        *(version(slug, updated_at=at(moved), agent_id=8) for slug, moved in moves.items()),
        # to nobody and from nobody, and from and to one who is in no team
        version("a", agent_id=7),
        version("a", updated_at=at("2025-03-02 09:00"), agent_id=None),
        version("a", updated_at=at("2025-03-03 09:00"), agent_id=8),
        version("a", updated_at=at("2025-03-04 09:00"), agent_id=55),
        version("a", updated_at=at("2025-03-05 09:00"), agent_id=7),
        # other changes are no reassignments
        version("b", agent_id=8),
        version("b", updated_at=at("2025-03-02 09:00"), agent_id=8, status="CANCELED"),
        teams={1: [7, 8], 2: [8]},
    )
    columns = "team_id, agent_id, reassigned_to, reassigned_away"
    assert warehouse.rows("team_distribution", columns) == [
        (1, 7, 1, 3),  # a came back; a and two others went
        (1, 8, 3, 1),
        (2, 8, 3, 1),
    ]


def test_before_the_first_sync_nothing_was_booked_lately(given: Given) -> None:
    warehouse = given(version(), syncs=[], teams={1: [7]})
    columns = "bookings_last_28_days, bookings_share, equal_share, deviation, reassigned_to"
    assert warehouse.rows("team_distribution", columns) == [(0, None, 1.0, None, 0)]
