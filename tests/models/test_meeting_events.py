"""What happened to a meeting, in the order in which it happened."""

from .conftest import NOW, Given, at, sync, version

EVENTS = "occurred_at, version_number, event_type, agent_id, from_value, to_value"


def test_every_change_from_one_version_to_the_next_is_an_event(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:05")),
        version(updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 08:15:30")),
        version(
            updated_at=at("2025-03-03 09:00"), slot_start=at("2025-03-12 08:15:30"), agent_id=8
        ),
        version(
            updated_at=at("2025-03-04 09:00"),
            slot_start=at("2025-03-12 08:15:30"),
            agent_id=8,
            status="CANCELED",
        ),
        version(
            updated_at=at("2025-03-05 09:00"),
            slot_start=at("2025-03-12 08:15:30"),
            agent_id=8,
            status="Reopened",
        ),
    )
    assert warehouse.rows("meeting_events", EVENTS) == [
        (at("2025-03-01 09:00"), 1, "booked", 7, None, "2025-03-10 14:00:00Z"),
        (
            at("2025-03-02 09:00"),
            2,
            "rescheduled",
            7,
            "2025-03-10 14:00:00Z",
            "2025-03-12 08:15:30Z",
        ),
        (at("2025-03-03 09:00"), 3, "reassigned", 8, "7", "8"),
        (at("2025-03-04 09:00"), 4, "canceled", 8, "ACTIVE", "CANCELED"),
        (at("2025-03-05 09:00"), 5, "reinstated", 8, "CANCELED", "Reopened"),
    ]


def test_one_version_can_show_several_events(given: Given) -> None:
    warehouse = given(
        version(),
        version(
            updated_at=at("2025-03-02 09:00"),
            slot_start=at("2025-03-12 08:00"),
            agent_id=None,
            status="CANCELED",
        ),
    )
    assert warehouse.rows("meeting_events", "version_number, event_type, from_value, to_value") == [
        (1, "booked", None, "2025-03-10 14:00:00Z"),
        (2, "canceled", "ACTIVE", "CANCELED"),
        (2, "reassigned", "7", None),
        (2, "rescheduled", "2025-03-10 14:00:00Z", "2025-03-12 08:00:00Z"),
    ]


def test_a_meeting_first_seen_canceled_was_booked_and_canceled(given: Given) -> None:
    warehouse = given(version(updated_at=at("2025-03-02 09:00"), status="CANCELED"))
    assert warehouse.rows("meeting_events", EVENTS) == [
        (at("2025-03-01 09:00"), 1, "booked", 7, None, "2025-03-10 14:00:00Z"),
        (at("2025-03-02 09:00"), 1, "canceled", 7, None, "CANCELED"),
    ]


def test_a_change_that_did_not_raise_updated_at_is_an_event(given: Given) -> None:
    warehouse = given(
        version(sync_id="s1", slot_start=at("2025-03-10 14:00")),
        version(sync_id="s2", slot_start=at("2025-03-11 14:00")),
        version(sync_id="s3", slot_start=at("2025-03-10 14:00")),
    )
    assert warehouse.rows("meeting_events", "version_number, event_type, from_value") == [
        (1, "booked", None),
        (2, "rescheduled", "2025-03-10 14:00:00Z"),
        (3, "rescheduled", "2025-03-11 14:00:00Z"),
    ]


def test_a_version_that_changes_only_other_attributes_is_no_event(given: Given) -> None:
    warehouse = given(version(), version(updated_at=at("2025-03-02 09:00"), meeting_notes="new"))
    assert warehouse.rows("meeting_events", "event_type") == [("booked",)]


def test_a_change_of_spelling_from_cancelled_to_canceled_is_no_event(given: Given) -> None:
    warehouse = given(
        version(status="CANCELLED"),
        version(updated_at=at("2025-03-02 09:00"), status="CANCELED"),
    )
    assert warehouse.rows("meeting_events", "event_type, to_value") == [
        ("booked", "2025-03-10 14:00:00Z"),
        ("canceled", "CANCELLED"),
    ]


def test_an_agent_who_is_named_later_is_a_reassignment_from_nobody(given: Given) -> None:
    warehouse = given(
        version(agent_id=None), version(updated_at=at("2025-03-02 09:00"), agent_id=8)
    )
    assert warehouse.rows("meeting_events", "event_type, agent_id, from_value, to_value") == [
        ("booked", None, None, "2025-03-10 14:00:00Z"),
        ("reassigned", 8, None, "8"),
    ]


def test_a_delisted_meeting_says_so_at_the_newest_sync(given: Given) -> None:
    warehouse = given(
        version(), version(updated_at=at("2025-03-02 09:00"), agent_id=8), listed=["another"]
    )
    assert warehouse.rows("meeting_events", EVENTS)[-1] == (NOW, 2, "delisted", 8, None, None)


def test_a_canceled_meeting_that_drift_no_longer_lists_is_not_delisted(given: Given) -> None:
    warehouse = given(version(status="CANCELED"), listed=["another"])
    assert warehouse.rows("meeting_events", "event_type") == [("booked",), ("canceled",)]


def test_a_delisted_meeting_stays_delisted_when_its_slot_gets_too_old_to_be_listed(
    given: Given,
) -> None:
    # Slot on 10 March. The read of 5 March missed it, when it lay ahead; 50 days on, no read can
    # return it any more.
    warehouse = given(
        version(),
        listed=[],
        unlisted=[{"slug": "m1", "sync_id": "s2"}],
        syncs=[
            sync(sync_id="s2", started_at=at("2025-03-05 08:00"), window_from=at("2025-02-03")),
            sync(sync_id="s3", started_at=at("2025-04-29"), window_from=at("2025-03-30")),
        ],
    )
    assert warehouse.rows("meetings", "meeting_state, is_listed") == [("delisted", False)]
    assert warehouse.rows("meeting_events", "event_type, occurred_at")[-1] == (
        "delisted",
        at("2025-03-05 08:00"),
    )


def test_a_meeting_that_left_the_list_with_its_age_is_not_delisted(given: Given) -> None:
    warehouse = given(
        version(),
        listed=[],
        unlisted=[{"slug": "m1", "sync_id": "s3"}],
        syncs=[sync(sync_id="s3", started_at=at("2025-04-29"), window_from=at("2025-03-30"))],
    )
    assert warehouse.rows("meetings", "meeting_state, is_listed") == [("elapsed", True)]


def test_a_meeting_that_is_listed_again_is_no_longer_delisted(given: Given) -> None:
    warehouse = given(
        version(),
        unlisted=[{"slug": "m1", "sync_id": "s2"}],
        syncs=[
            sync(sync_id="s2", started_at=at("2025-03-05 08:00"), window_from=at("2025-02-03")),
            sync(sync_id="s3", started_at=at("2025-03-06"), window_from=at("2025-02-04")),
        ],
    )
    assert warehouse.rows("meetings", "meeting_state, is_listed") == [("upcoming", True)]


def test_a_meeting_that_is_moved_after_it_was_canceled_was_rescheduled_and_canceled_once(
    given: Given,
) -> None:
    warehouse = given(
        version(),
        version(updated_at=at("2025-03-02 09:00"), status="CANCELED"),
        version(
            updated_at=at("2025-03-03 09:00"),
            status="CANCELLED",
            slot_start=at("2025-03-12 08:00"),
        ),
    )
    assert warehouse.rows("meeting_events", "occurred_at, event_type, to_value") == [
        (at("2025-03-01 09:00"), "booked", "2025-03-10 14:00:00Z"),
        (at("2025-03-02 09:00"), "canceled", "CANCELED"),
        (at("2025-03-03 09:00"), "rescheduled", "2025-03-12 08:00:00Z"),
    ]


def test_a_meeting_without_a_start_was_booked_for_no_time(given: Given) -> None:
    warehouse = given(version(slot_start=None, scheduled_at=None))
    assert warehouse.rows("meeting_events", "occurred_at, event_type, to_value") == [
        (at("2025-03-01 09:00"), "booked", None)
    ]
