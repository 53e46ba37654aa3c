"""The independent computation itself, on cases whose numbers can be told by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.models.invent import LIVES, invent
from tests.models.oracle import Row, compute

NOW = datetime(2025, 6, 18, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def sync(started_at: datetime, **fixed: Any) -> Row:
    return {
        "sync_id": started_at.strftime("%Y%m%dT%H%M%S.%fZ"),
        "started_at": started_at,
        "window_from": started_at - 30 * DAY,
        "window_to": datetime(9999, 12, 31, tzinfo=UTC),
        "gap_from": None,
        "gap_to": None,
        "_dlt_load_id": "1",
    } | fixed


def version(slug: str, at: datetime, **fixed: Any) -> Row:
    names = "agent_id org_id scheduler_id conversation_id booked_by event_id status meeting_source"
    names += " meeting_type end_user_time_zone meeting_notes known_time_zone"
    start = fixed.get("slot_start", at + 2 * DAY)
    return (
        dict.fromkeys(names.split())
        | {
            "slug": slug,
            "updated_at": at,
            "scheduled_at": at,
            "slot_start": start,
            "slot_end": start + HOUR / 2 if start else None,
            "sync_id": "2025",
            "content_hash": 1,
        }
        | fixed
    )


def tables(
    *versions: Row, zone: str = "UTC", listed: bool = True, **raw: list[Row]
) -> dict[str, list[Row]]:
    names = "rejected_meetings users teams team_members contacts conversations playbooks"
    empty: dict[str, list[Row]] = {name: [] for name in names.split()}
    given = {
        "meeting_versions": list(versions),
        "meeting_listings": [
            {"slug": v["slug"], "sync_id": sync(NOW)["sync_id"], "is_listed": True}
            for v in versions
            if listed
        ],
        "syncs": [sync(NOW - 100 * DAY), sync(NOW - DAY), sync(NOW)],
        "imports": [{"sync_id": v["sync_id"], "_dlt_load_id": "1"} for v in versions],
        "_dlt_loads": [{"load_id": "1", "status": 0}],
    }
    return compute(empty | given | raw, zone)


def metrics(built: dict[str, list[Row]]) -> Row:
    (row,) = [row for row in built["booking_metrics"] if row["dimension"] == "all"]
    return row


def test_cancellations_count_when_their_meetings_are_due() -> None:
    start, ahead = NOW - DAY, NOW + DAY
    built = tables(
        version("early", start - 4 * DAY, slot_start=start),
        version("early", start - DAY, slot_start=start, status="Canceled", scheduled_at=None),
        version("late", start - 4 * DAY, slot_start=start),
        version(
            "late", start - DAY + timedelta(microseconds=1), slot_start=start, status="CANCELLED"
        ),
        version("after", start - 4 * DAY, slot_start=start),
        version("after", start + HOUR, slot_start=start, status="CANCELED"),
        version("ahead", NOW - 2 * HOUR, slot_start=ahead, status="CANCELED"),
        version("held", start - DAY, slot_start=start),
        version("now", NOW - DAY, slot_start=NOW),
    )
    late = {row["meeting_id"]: row["is_late_canceled"] for row in built["meetings"]}
    assert {meeting for meeting, is_late in late.items() if is_late} == {"late", "after"}
    row = metrics(built)
    assert (row["bookings"], row["canceled_meetings"], row["due_meetings"]) == (6, 4, 5)
    assert (row["due_canceled_meetings"], row["cancel_rate"]) == (3, 0.6)
    assert (row["late_canceled_meetings"], row["late_cancel_rate"]) == (2, 0.4)
    assert (row["elapsed_meetings"], row["in_progress_meetings"]) == (1, 1)
    assert row["median_cancel_notice_hours"] == pytest.approx(23.99999999986)


@pytest.mark.parametrize(
    ("offset", "rebooked"),
    [
        (-timedelta(minutes=1), False),
        (timedelta(), True),
        (timedelta(minutes=1), True),
        (14 * DAY, True),
        (14 * DAY + timedelta(milliseconds=1), False),
    ],
)
def test_rebooked_means_then_or_within_fourteen_days(offset: timedelta, rebooked: bool) -> None:
    canceled_at = NOW - 20 * DAY
    built = tables(
        version("lost", canceled_at - DAY, scheduler_id=7),
        version("lost", canceled_at, scheduler_id=7, status="CANCELED", scheduled_at=None),
        version("again", canceled_at + offset, scheduler_id=7),
        version("other", canceled_at, scheduler_id=8),
    )
    flags = {row["meeting_id"]: row["is_rebooked"] for row in built["meetings"]}
    assert flags == {"lost": rebooked, "again": False, "other": False}
    assert metrics(built)["rebook_rate"] == float(rebooked)


def test_events_and_counts_follow_the_versions() -> None:
    at, start = NOW - 9 * DAY, NOW + DAY
    built = tables(
        version("m", at, agent_id=1, slot_start=start),
        version("m", at, agent_id=2, slot_start=start, content_hash=2),
        version("m", at + DAY, agent_id=2, slot_start=start + HOUR),
        version("m", at + 2 * DAY, agent_id=2, slot_start=start + HOUR, status="CANCELED"),
        version("m", at + 3 * DAY, slot_start=start, status="ACTIVE"),
    )
    happened = [
        (row["event_type"], row["agent_id"], row["from_value"], row["to_value"])
        for row in built["meeting_events"]
    ]
    assert happened == [
        ("booked", 1, None, "2025-06-19 12:00:00Z"),
        ("reassigned", 2, "1", "2"),
        ("rescheduled", 2, "2025-06-19 12:00:00Z", "2025-06-19 13:00:00Z"),
        ("canceled", 2, None, "CANCELED"),
        ("rescheduled", None, "2025-06-19 13:00:00Z", "2025-06-19 12:00:00Z"),
        ("reinstated", None, "CANCELED", "ACTIVE"),
        ("reassigned", None, "2", None),
    ]
    (row,) = built["meetings"]
    assert (row["reschedule_count"], row["version_count"], row["canceled_at"]) == (2, 5, None)


def test_delisted_is_what_should_have_been_in_sight() -> None:
    missed, seen = sync(NOW - DAY), NOW - 5 * DAY
    built = tables(
        version("missed", seen),
        version("old", seen, slot_start=NOW - 40 * DAY),
        version("never listed", seen),
        version("file", seen, sync_id="0-1"),
        version("old file", seen, sync_id="0-1", slot_start=NOW - 40 * DAY),
        version("no start", seen, slot_start=None),
        listed=False,
        meeting_listings=[
            {"slug": slug, "sync_id": missed["sync_id"], "is_listed": False}
            for slug in ("missed", "old")
        ],
    )
    at = {
        row["meeting_id"]: row["occurred_at"]
        for row in built["meeting_events"]
        if row["event_type"] == "delisted"
    }
    assert at == {"missed": NOW - DAY, "never listed": NOW, "file": NOW - DAY, "no start": NOW}
    listed = {row["meeting_id"] for row in built["meetings"] if row["is_listed"]}
    assert listed == {"old", "old file"}


def test_weeks_are_complete_once_known_and_ended() -> None:
    # 2025-05-19 is the first Monday after the first window begins; the gap is on 2025-06-04.
    gap = {
        "gap_from": datetime(2025, 6, 4, 3, tzinfo=UTC),
        "gap_to": datetime(2025, 6, 4, 5, tzinfo=UTC),
    }
    first = sync(NOW - DAY, window_from=datetime(2025, 5, 18, 9, tzinfo=UTC))
    booked = [datetime(2025, month, day, 12, tzinfo=UTC) for month, day in ((5, 12), (6, 10))]
    built = tables(*(version(f"{at:%m-%d}", at) for at in booked), syncs=[first, sync(NOW, **gap)])
    weeks = [
        (row["week_start_on"].isoformat()[5:], row["bookings"], row["is_complete"])
        for row in built["weekly_bookings"]
    ]
    assert weeks == [
        ("05-12", 1, False),
        ("05-19", 0, True),
        ("05-26", 0, True),
        ("06-02", 0, False),
        ("06-09", 1, True),
    ]
    assert [row["bookings_difference"] for row in built["weekly_bookings"]] == [
        None,
        None,
        0,
        None,
        None,
    ]
    assert built["data_health"][0]["complete_from_on"] == date(2025, 5, 19)


def test_a_week_begins_on_monday_of_the_zone() -> None:
    at = datetime(2025, 6, 8, 13, tzinfo=UTC)  # Sunday in UTC, Monday one o'clock in Auckland
    for zone, monday in (("UTC", date(2025, 6, 2)), ("Pacific/Auckland", date(2025, 6, 9))):
        (week,) = tables(version("m", at), zone=zone)["weekly_bookings"]
        assert week["week_start_on"] == monday


def test_change_needs_all_56_days() -> None:
    versions = [version(f"m{ago}", NOW - ago * DAY) for ago in (0, 1, 27, 28, 29, 56, 57)]
    row = metrics(tables(*versions))
    assert (row["bookings_last_28_days"], row["bookings_prior_28_days"]) == (3, 2)
    assert row["bookings_change"] == 0.5
    short = sync(NOW - DAY, window_from=NOW - 56 * DAY)
    assert metrics(tables(*versions, syncs=[short, sync(NOW)]))["bookings_change"] is None
    whole = sync(NOW - DAY, window_from=NOW - 57 * DAY)
    assert metrics(tables(*versions, syncs=[whole, sync(NOW)]))["bookings_change"] == 0.5


def test_overlaps_are_told_from_meetings_back_to_back() -> None:
    midnight = datetime(2025, 6, 20, tzinfo=UTC)
    slots = [midnight - HOUR / 2, midnight, midnight + timedelta(minutes=29), midnight + HOUR]
    built = tables(
        version("night", NOW, agent_id=2, slot_start=midnight - HOUR / 4),
        version("morning", NOW, agent_id=2, slot_start=midnight),
        *(version(f"m{n}", NOW, agent_id=1, slot_start=at) for n, at in enumerate(slots)),
    )
    days = {
        (row["agent_id"], row["meeting_on"].day): (row["meetings"], row["overlapping_meetings"])
        for row in built["agent_days"]
    }
    assert days == {(1, 19): (1, 0), (1, 20): (3, 1), (2, 19): (1, 0), (2, 20): (1, 1)}


def test_an_agent_in_two_teams_counts_in_both() -> None:
    teams = [{"id": 1, "name": "West"}, {"id": 2, "name": "East"}]
    members = [
        {"team_id": team, "user_id": user, "is_current": True}
        for team, user in ((1, 101), (2, 101), (1, 102))
    ]
    built = tables(
        version("a", NOW - DAY, agent_id=101),
        version("b", NOW - DAY, agent_id=101),
        version("c", NOW - DAY, agent_id=102),
        version("d", NOW - DAY),
        teams=teams,
        team_members=members,
    )
    by_team = {row["team_name"]: row["bookings"] for row in built["bookings_by_team"]}
    assert by_team == {"West": 3, "East": 2, "UNKNOWN": 1}
    assert {row["agent_id"]: row["agent_first_team"] for row in built["meetings"]} == {
        101: "East",
        102: "West",
        None: None,
    }
    shares = {
        (row["team_name"], row["agent_id"]): row["deviation"] for row in built["team_distribution"]
    }
    assert shares == pytest.approx(
        {("West", 101): 2 / 3 - 1 / 2, ("West", 102): 1 / 3 - 1 / 2, ("East", 101): 0.0}
    )


def test_percentiles_lie_between_neighbours() -> None:
    leads = (1, 2, 4, 11)
    versions = [
        version(str(hours), NOW - DAY, slot_start=NOW - DAY + hours * HOUR) for hours in leads
    ]
    row = metrics(tables(*versions, version("none", NOW, slot_start=None)))
    assert row["median_lead_time_hours"] == 3.0
    assert row["p90_lead_time_hours"] == pytest.approx(4 + 0.7 * 7)


@pytest.mark.parametrize("seed", range(len(LIVES)))
def test_what_is_invented_adds_up(seed: int) -> None:
    built = compute(invent(seed, "Pacific/Auckland"), "Pacific/Auckland")
    meetings = len(built["meetings"])
    for table in ("source", "meeting_type", "agent", "playbook"):
        assert sum(row["bookings"] for row in built[f"bookings_by_{table}"]) == meetings
    for table in ("daily_bookings", "weekly_bookings", "booking_hours", "lead_time_buckets"):
        assert sum(row["bookings"] for row in built[table]) == meetings
    everything = metrics(built)
    if LIVES[seed][0] >= 20:
        assert all(everything[f"{state}_meetings"] for state in ("canceled", "delisted", "elapsed"))
        decided = "settled_rebooked_meetings", "observed_rescheduled_meetings"
        assert all(everything[name] for name in (*decided, "due_late_canceled_meetings"))
        assert built["agent_conflicts"]
