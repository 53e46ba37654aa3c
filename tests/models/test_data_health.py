"""How much the numbers can be trusted."""

import datetime as dt

from .conftest import NOW, Given, at, sync, user, version

REJECTED = {"record_id": "r1", "slug": None, "raw_json": "{}", "reason": "no slug", "sync_id": "s8"}


def test_one_row_tells_how_new_and_how_whole_the_data_is(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("a", updated_at=at("2025-03-02 09:00")),
        version("b", agent_id=None),
        version("c"),
        version("d"),
        users=[user(7)],
        syncs=[
            sync("s9", NOW),
            sync("s7", NOW - dt.timedelta(days=50)),
            sync("s8", NOW - dt.timedelta(hours=6), gap_from=NOW, gap_to=NOW),
        ],
        rejected=[REJECTED],
    )
    assert warehouse.row("data_health") == {
        "newest_sync_id": "s9",
        "newest_sync_at": NOW,
        "hours_since_previous_sync": 6.0,
        "meetings": 4,
        "versions": 5,
        "rejected": 1,
        "open_gaps": 1,
        "agent_known_share": 0.75,
    }


def test_the_first_sync_of_an_empty_organisation_is_healthy(given: Given) -> None:
    assert list(given().row("data_health").values()) == ["s9", NOW, None, 0, 0, 0, 0, None]


def test_before_the_first_sync_the_row_is_there_and_knows_nothing(given: Given) -> None:
    assert list(given(syncs=[]).row("data_health").values()) == [None, None, None, 0, 0, 0, 0, None]
