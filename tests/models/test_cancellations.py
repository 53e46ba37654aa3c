"""What is due, what was canceled late and with how much notice, and who booked again."""

import datetime as dt

from .conftest import NOW, Given, Row, at, sync, version

START = at("2025-03-10 14:00")
AHEAD = NOW + dt.timedelta(days=5)
MINUTE = dt.timedelta(minutes=1)
MILLISECOND = dt.timedelta(milliseconds=1)
DAY = dt.timedelta(days=1)
REBOOKED = "select meeting_id from bookings.meetings where is_rebooked order by all"
COLUMNS = "meeting_id, is_due, is_late_canceled, cancel_notice_hours"


def canceled(slug: str, canceled_at: dt.datetime, start: dt.datetime | None = START) -> Row:
    """A meeting that was canceled then."""
    end = start and start + dt.timedelta(minutes=30)
    return version(slug, updated_at=canceled_at, status="CANCELED", slot_start=start, slot_end=end)


def test_a_meeting_is_due_once_its_start_has_passed_canceled_or_not(given: Given) -> None:
    warehouse = given(
        canceled("before", START - 2 * DAY),
        canceled("after", START + DAY),
        canceled("ahead", NOW - DAY, AHEAD),
        canceled("now", NOW - 2 * DAY, NOW),
        canceled("in a millisecond", NOW - 2 * DAY, NOW + MILLISECOND),
        version("kept"),
        version("coming", slot_start=AHEAD, slot_end=AHEAD),
        version("delisted", slot_start=START + MINUTE),
        listed=["kept", "coming"],
    )
    assert warehouse.rows("meetings", "meeting_id, is_due") == [
        ("after", True),
        ("ahead", False),
        ("before", True),
        ("coming", False),
        ("delisted", True),
        ("in a millisecond", False),
        ("kept", True),
        ("now", True),
    ]
    # of after, before, now, delisted and kept three were canceled; of all eight it would be 5/8
    columns = "bookings, due_meetings, due_canceled_meetings, cancel_rate"
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(8, 5, 3, 0.6)]


def test_late_is_less_than_24_hours_before_the_start_or_after_it(given: Given) -> None:
    warehouse = given(
        canceled("a", START - 2 * DAY),
        canceled("b", START - DAY),
        canceled("c", START - DAY + MILLISECOND),
        canceled("d", START),
        canceled("e", START + DAY),
        canceled("f", START - MINUTE, None),
        version("g"),
    )
    hour = 3_600_000
    assert warehouse.rows("meetings", COLUMNS) == [
        ("a", True, False, 48.0),
        ("b", True, False, 24.0),
        ("c", True, True, (24 * hour - 1) / hour),
        ("d", True, True, 0.0),
        ("e", True, True, -24.0),
        ("f", False, False, None),
        ("g", True, False, None),
    ]


def test_a_late_cancellation_ahead_counts_as_such_and_in_no_rate(given: Given) -> None:
    soon = NOW + dt.timedelta(hours=5)
    warehouse = given(
        canceled("due", START - MINUTE),
        canceled("ahead", NOW - MINUTE, soon),
        version("kept"),
        version("coming", slot_start=AHEAD, slot_end=AHEAD),
    )
    columns = """late_canceled_meetings, due_late_canceled_meetings, late_cancel_rate,
        cancel_rate, canceled_meetings"""
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(2, 1, 0.5, 0.5, 2)]  # one of the two that are due


def test_the_notice_of_a_meeting_that_was_moved_after_it_was_canceled_is_up_to_the_new_start(
    given: Given,
) -> None:
    warehouse = given(
        version(),
        canceled("m1", START - 26 * dt.timedelta(hours=1)),
        canceled("m1", START - DAY, START - 4 * dt.timedelta(hours=1)),
        version("m2", slot_start=NOW + DAY),
        canceled("m2", NOW - 3 * DAY, NOW + DAY),
        canceled("m2", NOW - 2 * DAY, NOW - DAY),
    )
    # canceled 26 hours before its first start and, as it is now, 22 before its start
    assert warehouse.rows("meetings", f"{COLUMNS}, reschedule_count") == [
        ("m1", True, True, 22.0, 1),
        ("m2", True, False, 48.0, 1),  # due by the start that it has now
    ]


def test_the_notice_is_from_the_last_cancellation_not_from_a_later_note_or_an_earlier_one(
    given: Given,
) -> None:
    warehouse = given(
        canceled("m1", START - 9 * DAY),
        version(updated_at=START - 8 * DAY),
        canceled("m1", START - 3 * DAY),
        version(updated_at=START - MINUTE, status="CANCELLED", meeting_notes="sorry"),
    )
    assert warehouse.rows("meetings", COLUMNS) == [("m1", True, False, 72.0)]


def test_rebooked_is_booked_at_that_moment_or_within_the_14_days_after(given: Given) -> None:
    lost_at = at("2025-03-02 12:00")
    offsets = {
        "a minute before": -MINUTE,
        "at that moment": dt.timedelta(),
        "a minute after": MINUTE,
        "exactly 14 days after": 14 * DAY,
        "a millisecond later": 14 * DAY + MILLISECOND,
    }
    meetings = []
    for visitor, (slug, offset) in enumerate(offsets.items()):
        lost = canceled(slug, lost_at)
        again = version(f"again {slug}", scheduled_at=lost_at + offset)
        meetings += [{**row, "scheduler_id": visitor} for row in (lost, again)]
    warehouse = given(*meetings)
    assert warehouse.query(
        "select meeting_id from bookings.meetings where is_rebooked order by all"
    ) == [
        ("a minute after",),
        ("at that moment",),
        ("exactly 14 days after",),
    ]
    columns = "canceled_meetings, rebooked_meetings, rebook_rate"
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(5, 3, 0.6)]  # all five are settled


def test_a_loss_is_settled_once_the_14_days_have_passed(given: Given) -> None:
    lost = {"settled": 14 * DAY, "a millisecond short": 14 * DAY - MILLISECOND, "just now": MINUTE}
    warehouse = given(
        *(canceled(slug, NOW - ago) for slug, ago in lost.items()),
        version("kept"),
        version("long delisted"),
        version("delisted now"),
        listed=[*lost, "kept"],
        unlisted=[{"slug": "long delisted", "sync_id": "s1"}],
        syncs=[sync("s1", NOW - 14 * DAY), sync("s2")],
    )
    settled = "select meeting_id from bookings.meetings where is_settled_loss order by all"
    assert warehouse.query(settled) == [("long delisted",), ("settled",)]


def test_the_rebook_rate_is_of_settled_losses_and_does_not_fall_with_those_of_today(
    given: Given,
) -> None:
    settled = NOW - 20 * DAY
    warehouse = given(
        {**canceled("a", settled), "scheduler_id": 1},
        version("a again", scheduler_id=1, scheduled_at=settled + DAY),
        {**canceled("b", settled), "scheduler_id": 2},
        # not decided, though one of them is booked again already
        {**canceled("c", NOW - DAY), "scheduler_id": 3},
        version("c again", scheduler_id=3, scheduled_at=NOW - DAY),
        {**canceled("d", NOW - DAY), "scheduler_id": 4},
        {**canceled("e", NOW - DAY), "scheduler_id": 5},
    )
    columns = "rebooked_meetings, settled_losses, settled_rebooked_meetings, rebook_rate"
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(2, 2, 1, 0.5)]


def test_the_reschedule_rate_is_of_due_meetings_whose_every_move_was_seen(given: Given) -> None:
    first = at("2025-03-01 12:00")

    def moved(slug: str, booked_at: dt.datetime, start: dt.datetime) -> list[Row]:
        rows = version(slug, scheduled_at=booked_at, slot_start=start - DAY, slot_end=None)
        moved = {"updated_at": booked_at + MINUTE, "slot_start": start}
        return [{**rows, "updated_at": booked_at}, {**rows, **moved}]

    warehouse = given(
        *moved("seen", first, START),
        *moved("ahead", first, AHEAD),  # may still move
        *moved("before", first - DAY, START),  # of those like it, most moves are not known
        version("kept", scheduled_at=first),
        version("kept too", scheduled_at=first),
        version("kept before", scheduled_at=first - DAY),
        syncs=[sync("s1", first), sync("s2")],
    )
    columns = """rescheduled_meetings, due_meetings, observed_due_meetings,
        observed_rescheduled_meetings, reschedule_rate"""
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(3, 5, 3, 1, 1 / 3)]


def test_nobody_rebooks_for_another_visitor_or_with_the_meeting_itself(given: Given) -> None:
    lost_at = at("2025-03-02 12:00")
    warehouse = given(
        {**canceled("of 1", lost_at), "scheduler_id": 1},
        version("by 2", scheduler_id=2, scheduled_at=lost_at + MINUTE),
        {**canceled("of nobody", lost_at), "scheduler_id": None},
        version("by nobody", scheduler_id=None, scheduled_at=lost_at + MINUTE),
        # booked when it is first seen, and canceled by then
        {**canceled("alone", lost_at), "scheduler_id": 3, "scheduled_at": None},
    )
    assert warehouse.query("select count(*) from bookings.meetings where is_rebooked") == [(0,)]


def test_only_what_was_lost_is_rebooked_and_a_meeting_that_is_lost_in_turn_rebooks_it(
    given: Given,
) -> None:
    warehouse = given(
        version("kept", scheduler_id=1, scheduled_at=at("2025-03-01 12:00")),
        version("kept too", scheduler_id=1, scheduled_at=at("2025-03-02 12:00")),
        {**canceled("first", at("2025-03-02 12:00")), "scheduler_id": 2},
        {
            **canceled("second", at("2025-03-05 12:00")),
            "scheduler_id": 2,
            "scheduled_at": at("2025-03-03 12:00"),
        },
    )
    assert warehouse.query(
        "select meeting_id from bookings.meetings where is_rebooked order by all"
    ) == [("first",)]


def test_a_delisted_meeting_is_rebooked_from_the_sync_that_missed_it(given: Given) -> None:
    missed_at = at("2025-03-05 08:00")
    warehouse = given(
        version("a", scheduler_id=1),
        version("a again", scheduler_id=1, scheduled_at=missed_at - MINUTE),
        version("b", scheduler_id=2),
        version("b again", scheduler_id=2, scheduled_at=missed_at),
        listed=["a again", "b again"],
        unlisted=[{"slug": slug, "sync_id": "s2"} for slug in ("a", "b")],
        syncs=[sync("s2", missed_at), sync("s3")],
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state, is_rebooked") == [
        ("a", "delisted", False),
        ("a again", "elapsed", False),
        ("b", "delisted", True),
        ("b again", "elapsed", False),
    ]
    columns = "delisted_meetings, rebooked_meetings, settled_rebooked_meetings, rebook_rate"
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [(2, 1, 1, 0.5)]


def test_a_canceled_meeting_that_then_left_the_list_was_lost_when_it_was_canceled(
    given: Given,
) -> None:
    warehouse = given(
        canceled("a", at("2025-03-02 12:00")),
        version("b", scheduled_at=NOW + MINUTE),  # 18 days on; a minute after the list lacked it
        listed=["b"],
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state, is_rebooked") == [
        ("a", "canceled", False),
        ("b", "elapsed", False),
    ]
