"""How much the numbers can be trusted."""

import datetime as dt

from .conftest import NOW, Given, at, on, sync, user, version

REJECTED = {"record_id": "r1", "slug": None, "raw_json": "{}", "reason": "no slug", "sync_id": "s8"}


def test_one_row_tells_how_new_and_how_whole_the_data_is(given: Given) -> None:
    warehouse = given(
        version("a", scheduler_id=1),
        version("a", scheduler_id=1, updated_at=at("2025-03-02 09:00")),
        version("b", agent_id=None, scheduler_id=2),
        version("c", scheduler_id=3),
        version("d", scheduler_id=None),
        users=[user(7)],
        # the third one could not be read, and the fourth has booked nothing
        contacts=[
            {"id": contact, "is_gone": is_gone}
            for contact, is_gone in ((1, False), (2, True), (3, None), (4, False))
        ],
        syncs=[
            sync("s9", NOW),
            sync("s7", NOW - dt.timedelta(days=50)),
            sync("s8", NOW - dt.timedelta(hours=6), gap_from=NOW, gap_to=NOW),
        ],
        rejected=[REJECTED],
    )
    expected = {
        "newest_sync_id": "s9",
        "newest_sync_at": NOW,
        "time_zone": "UTC",
        "today_on": on("2025-03-20"),
        "hours_since_previous_sync": 6.0,
        "meetings": 4,
        "versions": 5,
        "rejected": 1,
        "open_gaps": 1,
        "complete_from_on": on("2024-12-31"),  # 80 days before 20 March is 30 December
        "observed_from_at": NOW - dt.timedelta(days=50),
        "agent_known_share": 0.75,
        "visitor_known_share": 0.25,
    }
    assert warehouse.row("data_health", columns=expected) == expected


def test_days_are_those_of_the_zone(given: Given) -> None:
    warehouse = given(
        syncs=[
            sync("s1", at("2025-03-01 11:30"), window_from=at("2025-01-31 11:30")),
            sync("s2", at("2025-03-20 11:30"), window_from=at("2025-02-18 11:30")),
        ],
        time_zone="Pacific/Auckland",  # thirteen hours ahead
    )
    columns = "time_zone, today_on, complete_from_on"
    assert warehouse.rows("data_health", columns) == [
        ("Pacific/Auckland", on("2025-03-21"), on("2025-02-02"))
    ]


def test_the_first_sync_of_an_empty_organisation_is_healthy(given: Given) -> None:
    expected = {
        "newest_sync_id": "s9",
        "newest_sync_at": NOW,
        "today_on": on("2025-03-20"),
        "hours_since_previous_sync": None,
        "meetings": 0,
        "versions": 0,
        "rejected": 0,
        "open_gaps": 0,
        "complete_from_on": on("2025-02-19"),
        "observed_from_at": NOW,
        "agent_known_share": None,
        "visitor_known_share": None,
    }
    assert given().row("data_health", columns=expected) == expected


def test_before_the_first_sync_the_row_is_there_and_knows_nothing(given: Given) -> None:
    counts = {"meetings": 0, "versions": 0, "rejected": 0, "open_gaps": 0}
    row = given(syncs=[]).row("data_health")
    assert row == dict.fromkeys(row) | {"time_zone": "UTC"} | counts
