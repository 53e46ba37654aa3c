"""Every metric, of all meetings and of each agent, source, type, team and playbook."""

import datetime as dt

import pytest

from .conftest import BY_DIMENSION, DIMENSIONS, NOW, Given, Row, at, sync, user, version

LONG_AGO = sync("s1", at("2024-06-01"))
"""A first sync, after which every booking of the last months is known."""


def booked(slug: str, days_ago: int, **attributes: object) -> Row:
    """A meeting booked that many days before today, for the next day."""
    scheduled_at = NOW - dt.timedelta(days=days_ago)
    start = scheduled_at + dt.timedelta(days=1)
    times = {"slot_start": start, "slot_end": start + dt.timedelta(minutes=30)}
    return dict(version(slug, **{"scheduled_at": scheduled_at} | times | attributes))


def test_a_group_s_row_has_every_metric(given: Given) -> None:
    warehouse = given(
        # agent 7: five bookings, of which one canceled, one delisted, one in each other state
        version(
            "a",
            status="CANCELED",
            updated_at=at("2025-03-05 02:00"),
            slot_start=at("2025-03-05 14:00"),
            scheduler_id=1,
            booked_by=3,
            conversation_id=1,
        ),
        version("b", scheduler_id=1, scheduled_at=at("2025-03-01 10:00"), conversation_id=2),
        version(
            "c",
            scheduler_id=2,
            slot_start=at("2025-03-20 15:00"),
            slot_end=at("2025-03-20 16:00"),
        ),
        version(
            "d", scheduler_id=2, slot_start=at("2025-03-21 09:00"), slot_end=at("2025-03-21 09:15")
        ),
        version("e", scheduler_id=None),
        version(
            "e",
            scheduler_id=None,
            updated_at=at("2025-03-02 09:00"),
            slot_start=at("2025-03-12 14:00"),
            slot_end=at("2025-03-12 14:40"),
        ),
        # another agent's: three eighths of all bookings are not theirs. The visitor of f booked a
        # once more after it was canceled.
        version("f", agent_id=8, scheduler_id=1, scheduled_at=at("2025-03-05 02:00")),
        version("g", agent_id=8),
        version("h", agent_id=8),
        listed=["a", "c", "d", "e", "f", "g", "h"],
        conversations=[
            {"id": 1, "created_at": at("2025-03-01 08:50")},
            {"id": 2, "created_at": at("2025-03-01 09:40")},
        ],
        syncs=[LONG_AGO, sync()],
    )
    expected = {
        "dimension": "agent",
        "group_key": "7",
        "group_name": "7",
        "bookings": 5,
        "canceled_meetings": 1,
        "delisted_meetings": 1,
        "upcoming_meetings": 1,
        "in_progress_meetings": 1,
        "elapsed_meetings": 1,
        "rescheduled_meetings": 1,
        "self_booked_meetings": 4,
        "due_meetings": 4,  # all but d
        "due_canceled_meetings": 1,
        "late_canceled_meetings": 1,
        "due_late_canceled_meetings": 1,
        "rebooked_meetings": 1,
        "settled_losses": 1,  # a; b was delisted just now
        "settled_rebooked_meetings": 1,
        "observed_due_meetings": 4,
        "observed_rescheduled_meetings": 1,
        "cancel_rate": 0.25,
        "late_cancel_rate": 0.25,
        "rebook_rate": 1.0,
        "reschedule_rate": 0.25,
        "self_booked_rate": 0.8,
        "bookings_share": 0.625,  # 5 of 8
        "bookings_last_28_days": 5,
        "bookings_prior_28_days": 0,
        "bookings_change": None,
        # hours from booking to start: a 101, b 220, c 462, d 480, e 269
        "median_lead_time_hours": 269.0,
        "p90_lead_time_hours": pytest.approx(472.8),  # place 0.9 * 4 = 3.6: 462 + 0.6 * 18
        "median_time_to_book_minutes": 15.0,  # 10 and 20
        "median_cancel_notice_hours": 12.0,
        "booked_hours": pytest.approx((60 + 15 + 40) / 60),  # c, d and e; a canceled, b delisted
        "visitors": 2,
        "repeat_visitors": 2,
        "first_booked_at": at("2025-03-01 09:00"),
        "last_booked_at": at("2025-03-01 10:00"),
    }
    group = "dimension = 'agent' and group_key = '7'"
    assert warehouse.row("booking_metrics", group, expected) == expected


def test_the_dimension_all_is_one_row_of_all_meetings(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=None, scheduler_id=1),
        version("b", agent_id=7, scheduler_id=1),
        version("c", agent_id=8, scheduler_id=None),
        teams={1: [7, 8], 2: [7]},
    )
    columns = "group_key, group_name, bookings, bookings_share, visitors, repeat_visitors"
    assert warehouse.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    ) == [("all", "all", 3, 1.0, 1, 1)]


def test_every_dimension_adds_up_to_all_meetings_but_team(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=None, meeting_source=None, meeting_type="Call"),
        version("b", agent_id=7, conversation_id=1),
        version("c", agent_id=8, meeting_source="LINK", meeting_type=None),
        version("d", agent_id=9),
        teams={1: [7, 8], 2: [7, 99], 3: [7]},
        conversations=[{"id": 1, "playbook_id": "60"}],
    )
    sums = """cast(sum(bookings) as bigint), cast(sum(elapsed_meetings) as bigint),
        cast(sum(due_meetings) as bigint), round(sum(bookings_share), 9), sum(booked_hours)"""
    for dimension in DIMENSIONS:
        added = warehouse.query(
            f"select {sums} from bookings.booking_metrics where dimension = '{dimension}'"
        )
        # b is in three teams
        expected = (6, 6, 6, 1.5, 3.0) if dimension == "team" else (4, 4, 4, 1.0, 2.0)
        assert added == [expected], dimension
    assert warehouse.query("select count(*) from bookings.meetings") == [(4,)]


def test_a_group_is_called_by_its_name_else_by_its_key_and_the_absent_one_unknown(
    given: Given,
) -> None:
    warehouse = given(
        version("a", agent_id=7, conversation_id=1),
        version("b", agent_id=8, conversation_id=2, meeting_source=None, meeting_type=None),
        version("c", agent_id=None, conversation_id=None),
        version("d", agent_id=9, conversation_id=4),
        users=[user(7), user(8, name=None)],
        teams={1: [7], 2: [8]},
        unnamed=[2],
        conversations=[{"id": 1, "playbook_id": "60"}, {"id": 2, "playbook_id": "61"}],
        playbooks=[{"id": 60, "name": "Book a demo"}, {"id": 61, "name": None}],
    )
    assert warehouse.query(
        "select dimension, group_key, group_name, bookings from bookings.booking_metrics"
        " where dimension in ('agent', 'all', 'meeting_type', 'playbook', 'source', 'team')"
        " order by all"
    ) == [
        ("agent", "7", "Agent 7", 1),
        ("agent", "8", "8", 1),
        ("agent", "9", "9", 1),
        ("agent", "UNKNOWN", "Unassigned", 1),
        ("all", "all", "all", 4),
        ("meeting_type", "Demo", "Demo", 3),
        ("meeting_type", "UNKNOWN", "UNKNOWN", 1),
        ("playbook", "60", "Book a demo", 1),
        ("playbook", "61", "61", 1),
        ("playbook", "UNKNOWN", "UNKNOWN", 2),
        ("source", "UNKNOWN", "UNKNOWN", 1),
        ("source", "WIDGET", "WIDGET", 3),
        ("team", "1", "Team 1", 1),
        ("team", "2", "2", 1),
        ("team", "UNKNOWN", "UNKNOWN", 2),  # c has no agent, d's is in no team
    ]
    assert warehouse.rows("bookings_by_agent", "agent_id, agent_name, agent_email, team_name") == [
        (7, "Agent 7", "agent-7@example.com", "Team 1"),
        (8, None, "agent-8@example.com", None),
        (9, None, None, None),
        (None, "Unassigned", None, None),
    ]
    assert warehouse.rows("bookings_by_team", "team_id, team_name, bookings") == [
        (1, "Team 1", 1),
        (2, "2", 1),
        (None, "UNKNOWN", 2),
    ]
    assert warehouse.rows("bookings_by_playbook", "playbook_id, playbook_name, bookings") == [
        ("60", "Book a demo", 1),
        ("61", "61", 1),
        ("UNKNOWN", "UNKNOWN", 2),
    ]


def test_a_key_that_is_called_unknown_by_drift_is_one_row_with_the_absent_ones(
    given: Given,
) -> None:
    warehouse = given(
        version("a", meeting_source="UNKNOWN", meeting_type="UNKNOWN"),
        version("b", meeting_source=None, meeting_type=None),
    )
    assert warehouse.rows("bookings_by_source", "meeting_source, bookings") == [("UNKNOWN", 2)]
    assert warehouse.rows("bookings_by_meeting_type", "meeting_type, bookings") == [("UNKNOWN", 2)]


def test_the_tables_of_one_dimension_are_its_rows_with_every_metric(given: Given) -> None:
    warehouse = given(
        version("a", agent_id=7, conversation_id=1, status="CANCELED"),
        version("b", agent_id=None, meeting_source=None, meeting_type=None),
        version("c", agent_id=8, scheduler_id=2, slot_start=at("2025-03-05 09:00")),
        teams={1: [7, 8], 2: [8]},
        conversations=[{"id": 1, "playbook_id": "60", "created_at": at("2025-03-01 08:30")}],
    )
    metrics = ", ".join(warehouse.columns("booking_metrics")[3:])
    for dimension, mart in BY_DIMENSION.items():
        (key,) = mart.grain
        keyed = f"coalesce(cast({key} as varchar), 'UNKNOWN') as group_key"
        expected = warehouse.query(
            f"select group_key, {metrics} from bookings.booking_metrics"
            f" where dimension = '{dimension}' order by all"
        )
        assert expected, dimension
        assert warehouse.rows(mart.name, f"{keyed}, {metrics}") == expected, dimension


def test_every_dimension_but_all_has_a_table_of_its_own() -> None:
    without = set(DIMENSIONS) - BY_DIMENSION.keys() - {"all"}
    assert not without, f"write sql/marts/bookings_by_….sql (docs/models.md) for {without}"


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
    columns = """team_id, bookings, canceled_meetings, bookings_share, median_lead_time_hours,
        visitors, repeat_visitors, booked_hours"""
    # hours from booking to start: a 221, b 96, c 48, d 72; the last is of contact 1 in team 1
    hours = {"b": 5 * 24 + 5.5, "c": 7 * 24 + 5.5, "d": 6 * 24 + 5.5}
    assert warehouse.rows("bookings_by_team", columns) == [
        (1, 4, 1, 0.5, 84.0, 2, 1, pytest.approx(sum(hours.values()))),
        (2, 2, 0, 0.25, 60.0, 1, 1, pytest.approx(hours["c"] + hours["d"])),
        (None, 4, 0, 0.5, 221.0, 2, 1, 2.0),
    ]


def test_the_last_28_days_end_yesterday_and_the_28_before_end_where_they_begin(
    given: Given,
) -> None:
    days_ago = [-1, 0, 1, 2, 28, 29, 56, 57]
    warehouse = given(*(booked(f"m{days}", days) for days in days_ago), syncs=[LONG_AGO, sync()])
    columns = "bookings, bookings_last_28_days, bookings_prior_28_days, bookings_change"
    # 1, 2 and 28 are in the last 28 days, 29 and 56 in those before: 3 / 2 - 1
    assert warehouse.rows("bookings_by_source", columns) == [(8, 3, 2, 0.5)]


@pytest.mark.parametrize("hour", [0, 8, 23])
def test_the_change_is_the_same_at_every_hour_of_a_day(given: Given, hour: int) -> None:
    now = at(f"2025-03-20 {hour:02}:30")
    by_now = [at("2025-03-20 00:10")] * (hour > 0) + [at("2025-03-20 12:00")] * (hour > 12)
    moments = [at(f"2025-03-{day} 12:00") for day in (17, 18, 19)] + [at("2025-02-10")] * 3
    warehouse = given(
        *(version(f"m{n}", scheduled_at=moment) for n, moment in enumerate(moments + by_now)),
        syncs=[LONG_AGO, sync(started_at=now)],
    )
    assert warehouse.rows("bookings_by_source", "bookings_change") == [(0.0,)]


def test_the_28_days_are_counted_in_the_zone_of_days(given: Given) -> None:
    # 02:00 UTC on the 20th is the 19th in New York; 28 days before that is 19 February
    warehouse = given(
        version("a", scheduled_at=at("2025-02-19 04:59")),  # 18 February there
        version("b", scheduled_at=at("2025-02-19 05:00")),  # 19 February there
        version("c", scheduled_at=at("2025-03-19 03:59")),  # 18 March there
        version("d", scheduled_at=at("2025-03-19 04:00")),  # today
        syncs=[LONG_AGO, sync(started_at=at("2025-03-20 02:00"))],
        time_zone="America/New_York",
    )
    columns = "bookings_last_28_days, bookings_prior_28_days, bookings_change"
    assert warehouse.rows("bookings_by_source", columns) == [(2, 1, 1.0)]


def test_no_bookings_lately_is_a_change_of_minus_one_and_none_before_no_change(
    given: Given,
) -> None:
    warehouse = given(
        booked("a", 30, meeting_source="gone"),
        booked("b", 3, meeting_source="new"),
        booked("c", 100, meeting_source="old"),
        syncs=[LONG_AGO, sync()],
    )
    columns = "meeting_source, bookings_last_28_days, bookings_prior_28_days, bookings_change"
    assert warehouse.rows("bookings_by_source", columns) == [
        ("gone", 0, 1, -1.0),
        ("new", 1, 0, None),
        ("old", 0, 0, None),
    ]


def test_before_the_first_sync_no_days_are_the_last(given: Given) -> None:
    warehouse = given(version("a"), syncs=[])
    columns = """bookings, elapsed_meetings, due_meetings, cancel_rate, late_cancel_rate,
        bookings_last_28_days, bookings_prior_28_days, bookings_change"""
    assert warehouse.rows("bookings_by_source", columns) == [(1, 1, 0, None, None, 0, 0, None)]


# today is 20 March: the 56 days are 23 January to 19 March
KNOWN_FROM = {
    "the first of the days is the first that is known": (at("2025-01-22 23:59"), None, 0.0),
    "a part of the first day is not known": (at("2025-01-23 00:01"), None, None),
    "a gap ends the day before": (at("2024-12-01"), (at("2025-01-20"), at("2025-01-22")), 0.0),
    "a gap ends on the first day": (
        at("2024-12-01"),
        (at("2025-01-20"), at("2025-01-23 00:01")),
        None,
    ),
    "a gap lies inside": (at("2024-12-01"), (at("2025-02-03"), at("2025-02-03 01:00")), None),
    "a gap lies in yesterday": (at("2024-12-01"), (at("2025-03-19"), at("2025-03-19 01:00")), None),
    "a gap lies in today": (at("2024-12-01"), (at("2025-03-20"), at("2025-03-20 01:00")), 0.0),
    "a gap spans them all": (at("2024-12-01"), (at("2025-01-01"), at("2025-03-20")), None),
}


@pytest.mark.parametrize("case", KNOWN_FROM)
def test_the_change_is_null_unless_all_56_days_are_known(given: Given, case: str) -> None:
    window_from, gap, change = KNOWN_FROM[case]
    gap_from, gap_to = gap or (None, None)
    warehouse = given(
        booked("a", 1),
        booked("b", 30),
        syncs=[
            sync("s1", at("2025-02-01"), window_from=window_from),
            sync("s2", gap_from=gap_from, gap_to=gap_to),
        ],
    )
    columns = "bookings_last_28_days, bookings_prior_28_days, bookings_change"
    assert warehouse.rows("bookings_by_source", columns) == [(1, 1, change)]


# hours from booking to start, their median, and the 90th percentile
LEAD_TIMES: dict[str, tuple[list[float | None], float | None, float | None]] = {
    "one value": ([5], 5.0, 5.0),
    "two values": ([4, 2], 3.0, 3.8),  # place 0.9: 2 + 0.9 * 2
    "three values": ([1, 2, 10], 2.0, 8.4),  # place 1.8: 2 + 0.8 * 8
    "four values": ([11, 1, 4, 2], 3.0, 8.9),  # place 2.7: 4 + 0.7 * 7
    "equal values": ([4, 4, 4, 4], 4.0, 4.0),
    "eleven values": (list(range(11)), 5.0, 9.0),
    "one is absent": ([-2, 6, None], 2.0, 5.2),  # place 0.9: -2 + 0.9 * 8
    "all are absent": ([None, None], None, None),
}


def test_percentiles_are_interpolated_between_the_neighbours(given: Given) -> None:
    start = at("2025-03-10 14:00")
    warehouse = given(
        *(
            version(
                f"{group} {number}",
                meeting_type=group,
                slot_start=None if lead is None else start,
                scheduled_at=start - dt.timedelta(hours=lead or 0),
            )
            for group, (hours, *_) in LEAD_TIMES.items()
            for number, lead in enumerate(hours)
        )
    )
    columns = "meeting_type, median_lead_time_hours, p90_lead_time_hours"
    found = {group: rest for group, *rest in warehouse.rows("bookings_by_meeting_type", columns)}
    for group, (_, median, p90) in LEAD_TIMES.items():
        assert found[group] == [
            None if value is None else pytest.approx(value) for value in (median, p90)
        ], group


def test_the_medians_of_notice_and_of_time_to_book_leave_out_what_has_none(given: Given) -> None:
    start = at("2025-03-10 14:00")
    warehouse = given(
        *(
            version(f"m{hours}", status="CANCELED", updated_at=start - dt.timedelta(hours=hours))
            for hours in (-1, 2, 4, 7)
        ),
        version("kept", conversation_id=1),
        version("kept too", conversation_id=2),
        version("no start", status="CANCELED", slot_start=None, conversation_id=3),
        conversations=[
            {"id": number, "created_at": created_at}
            for number, created_at in enumerate(
                (at("2025-03-01 08:59"), at("2025-03-01 08:54"), None), start=1
            )
        ],
    )
    columns = "median_cancel_notice_hours, median_time_to_book_minutes"
    assert warehouse.rows("bookings_by_source", columns) == [(3.0, 3.5)]


def test_meetings_canceled_delisted_or_ending_before_they_start_book_no_hours(
    given: Given,
) -> None:
    warehouse = given(
        version("a", status="CANCELED"),
        version("b", slot_end=at("2025-03-10 13:00")),
        version("c"),
        version("d", meeting_type="Call", slot_end=at("2025-03-10 14:20:00.001")),
        listed=["a", "b", "d"],
    )
    assert warehouse.rows("bookings_by_meeting_type", "meeting_type, booked_hours") == [
        ("Call", 1_200_001 / 3_600_000),
        ("Demo", 0.0),
    ]


def test_a_visitor_repeats_within_a_group_not_across_groups(given: Given) -> None:
    warehouse = given(
        version("a", scheduler_id=1, meeting_type="Demo"),
        version("b", scheduler_id=1, meeting_type="Call"),
        version("c", scheduler_id=2, meeting_type="Call"),
        version("d", scheduler_id=2, meeting_type="Call"),
        version("e", scheduler_id=None, meeting_type="Call"),
        version("f", scheduler_id=None, meeting_type="Call"),
        version("g", scheduler_id=None, meeting_type="Talk"),
    )
    visitors = "visitors, repeat_visitors"
    assert warehouse.rows("bookings_by_meeting_type", f"meeting_type, {visitors}") == [
        ("Call", 2, 1),
        ("Demo", 1, 0),
        ("Talk", 0, 0),
    ]
    assert warehouse.rows("bookings_by_source", visitors) == [(2, 2)]


def test_rates_without_what_they_divide_by_are_null(given: Given) -> None:
    ahead = NOW + dt.timedelta(days=1)
    warehouse = given(version("a", slot_start=ahead, slot_end=ahead))
    columns = "cancel_rate, late_cancel_rate, rebook_rate, reschedule_rate, self_booked_rate"
    assert warehouse.rows("bookings_by_source", columns) == [(None, None, None, None, 1.0)]
