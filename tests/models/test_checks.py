"""Each check stays silent on good data, and finds the fault that it is there for."""

import datetime as dt

import pytest

from .conftest import CHECKS, NOW, Given, at, sync, version

# What goes wrong, and the first columns of the rows that the check must then return.
FAULTS: dict[str, list[tuple[str, list[tuple[object, ...]]]]] = {
    "agents_have_unique_ids": [
        ("insert into bookings.agents (agent_id) values (7)", [(7, 2)]),
        ("insert into bookings.agents (agent_id) values (null)", [(None, 1)]),
    ],
    "canceled_meetings_have_canceled_at": [
        ("update bookings.meetings set canceled_at = null where meeting_id = 'b'", [("b", True)]),
        (
            "update bookings.meetings set canceled_at = updated_at where not is_canceled",
            [("a", False)],
        ),
    ],
    "every_agent_resolves": [("delete from bookings.agents where agent_id = 7", [(7,)])],
    "every_counting_table_adds_up": [
        (f"delete from bookings.{table}", [(table, 0)])
        for table in (
            "daily_bookings",
            "bookings_by_agent",
            "bookings_by_source",
            "bookings_by_meeting_type",
            "weekly_bookings",
            "booking_hours",
            "lead_time_buckets",
        )
    ],
    "every_meeting_has_one_state": [
        (
            "update bookings.meetings set meeting_state = 'done' where meeting_id = 'a'",
            [("a", "done")],
        ),
        ("update bookings.meetings set meeting_state = null where meeting_id = 'a'", [("a", None)]),
        ("update bookings.meetings set meeting_state = 'elapsed'", [("b", "elapsed")]),
    ],
    "meeting_events_agree_with_meetings": [
        ("delete from bookings.meeting_events where meeting_id = 'a'", [("a", 0)]),
        ("update bookings.meetings set reschedule_count = 4 where meeting_id = 'b'", [("b", 4)]),
    ],
    "meeting_events_are_unique": [
        (
            "insert into bookings.meeting_events from bookings.meeting_events"
            " where meeting_id = 'a'",
            [("a", 1, "booked", 2)],
        ),
        (
            "update bookings.meeting_events set occurred_at = null where meeting_id = 'a'",
            [("a", 1, "booked", 1)],
        ),
    ],
    "meetings_equal_distinct_slugs": [
        ("delete from bookings.meetings where meeting_id = 'a'", [("a", None)]),
        ("delete from drift.meeting_versions where slug = 'a'", [(None, "a")]),
    ],
    "meetings_have_no_empty_keys": [
        ("update bookings.meetings set booked_on = null where meeting_id = 'a'", [("a",)]),
        ("update bookings.meetings set booked_at = null where meeting_id = 'a'", [("a",)]),
        ("update bookings.meetings set meeting_id = null where meeting_id = 'a'", [(None,)]),
    ],
    "meetings_have_unique_ids": [
        ("insert into bookings.meetings from bookings.meetings where meeting_id = 'a'", [("a", 2)])
    ],
    "models_are_built_from_the_newest_sync": [
        ("update drift.syncs set started_at = started_at + interval 1 hour", [("s9",)]),
        ("update drift.syncs set window_from = null", [("s9",)]),
        ("update bookings.data_health set newest_sync_at = null", [("s9",)]),
    ],
    "newest_sync_left_no_gap": [
        ("update drift.syncs set gap_from = window_from, gap_to = window_to", [("s9",)])
    ],
    "newest_sync_rejected_nothing": [
        (
            "insert into drift.rejected_meetings values ('r1', null, '{}', 'no slug', 's9')",
            [("r1", None, "no slug")],
        )
    ],
    "newest_sync_returned_meetings": [
        (
            "update drift.syncs set meetings_seen = 0;"
            "update bookings.meetings set meeting_state = 'delisted'",
            [("s9", 0, 2)],
        )
    ],
    "rates_lie_between_0_and_1": [
        (
            "update bookings.stg_booking_groups set cancel_rate = 1.5 where dimension = 'agent'",
            [("agent", "7")],
        ),
        (
            "update bookings.stg_booking_groups set reschedule_rate = -1"
            " where dimension = 'source'",
            [("source", "WIDGET")],
        ),
        (
            "update bookings.stg_booking_groups set self_booked_rate = 2 where dimension = 'agent'",
            [("agent", "7")],
        ),
        (
            "update bookings.stg_booking_groups set bookings_share = 2 where dimension = 'agent'",
            [("agent", "7")],
        ),
        ("update bookings.booking_hours set cancel_rate = 2", [("booking_hours", "115")]),
        (
            "update bookings.weekly_bookings set cancel_rate = 2 where bookings > 0",
            [("weekly_bookings", "2025-02-24")],
        ),
        (
            "update bookings.lead_time_buckets set cancel_rate = 2 where bookings > 0",
            [("lead_time_buckets", "8-21 days")],
        ),
    ],
    "states_add_up_to_bookings": [
        (f"update bookings.{table} set {column} = 9 where bookings > 0", [(table,)])
        for table, column in (
            ("daily_bookings", "canceled_meetings"),
            ("bookings_by_agent", "delisted_meetings"),
            ("bookings_by_source", "upcoming_meetings"),
            ("bookings_by_meeting_type", "in_progress_meetings"),
            ("weekly_bookings", "elapsed_meetings"),
        )
    ],
    "versions_are_not_from_the_future": [
        (
            "update drift.meeting_versions set updated_at = '2025-03-20 16:31:01+00'"
            " where slug = 'a'",
            [("a",)],
        )
    ],
}


def test_every_check_has_a_fault_that_it_must_find() -> None:
    assert FAULTS.keys() == CHECKS.keys()


def test_no_check_returns_anything_on_good_data(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("a", updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version("b", status="CANCELED", agent_id=None, meeting_source=None, meeting_type=None),
        version("c", slot_start=None, slot_end=None, known_time_zone=None),
        version("d", updated_at=at("2025-03-20 16:31")),  # an hour after the sync's end
        version("e", status="canceled"),
        version("e", updated_at=at("2025-03-03 09:00"), slot_end=at("2025-03-10 13:00")),
        listed=["a", "b"],
        syncs=[
            sync("s9"),
            sync("s8", NOW - dt.timedelta(days=1), gap_from=NOW, gap_to=NOW, meetings_seen=0),
        ],
        rejected=[{"record_id": "r1", "reason": "no slug", "sync_id": "s8"}],
    )
    for check, file in CHECKS.items():
        assert warehouse.query(file.read_text()) == [], check


def test_no_check_returns_anything_in_an_empty_warehouse(given: Given) -> None:
    warehouse = given(syncs=[sync(meetings_seen=0)])
    for check, file in CHECKS.items():
        assert warehouse.query(file.read_text()) == [], check


@pytest.mark.parametrize("check", FAULTS)
def test_a_check_names_the_rows_at_fault(check: str, given: Given) -> None:
    warehouse = given(version("a"), version("b", status="CANCELED"))
    for fault, found in FAULTS[check]:
        warehouse.connection.execute(f"begin; {fault}")
        rows = warehouse.query(CHECKS[check].read_text())
        assert [row[: len(first)] for row, first in zip(rows, found, strict=True)] == found, fault
        warehouse.connection.execute("rollback")
