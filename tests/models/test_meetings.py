"""One row a meeting: its newest version, its state, its history."""

import datetime as dt

from .conftest import MODELS, NOW, Given, at, on, sync, user, version

HOUR = dt.timedelta(hours=1)


def test_a_meeting_carries_all_that_its_newest_version_says_and_who_is_who(given: Given) -> None:
    warehouse = given(
        version(
            updated_at=at("2025-03-02 10:00"),
            agent_id=8,
            booked_by=33,
            meeting_notes="bring the offer",
            slot_start=at("2025-03-11 15:00"),
            slot_end=at("2025-03-11 15:45"),
        ),
        version(),
        users=[user(8, time_zone="Asia/Kolkata", known_time_zone="Asia/Kolkata"), user(33)],
        teams={1: [8]},
        contacts=[{"id": 501, "company": "Acme", "email": "Ada@Example.com"}],
        conversations=[{"id": 9001, "playbook_id": "60", "created_at": at("2025-03-01 08:30")}],
        playbooks=[{"id": 60, "name": "Book a demo"}],
    )
    expected = {
        "meeting_id": "m1",
        "org_id": 1,
        "agent_id": 8,
        "agent_name": "Agent 8",
        "agent_email": "agent-8@example.com",
        "agent_first_team": "Team 1",
        "agent_time_zone": "Asia/Kolkata",
        "first_agent_id": 7,
        "scheduler_id": 501,
        "visitor_company": "Acme",
        "visitor_email_domain": "example.com",
        "conversation_id": 9001,
        "playbook_id": "60",
        "playbook_name": "Book a demo",
        "booked_by_id": 33,
        "booked_by_name": "Agent 33",
        "event_id": "e1",
        "status": "ACTIVE",
        "meeting_source": "WIDGET",
        "meeting_type": "Demo",
        "end_user_time_zone": "Europe/Berlin",
        "meeting_notes": "bring the offer",
        "booked_at": at("2025-03-01 09:00"),
        "slot_start_at": at("2025-03-11 15:00"),
        "slot_end_at": at("2025-03-11 15:45"),
        "updated_at": at("2025-03-02 10:00"),
        "first_slot_start_at": at("2025-03-10 14:00"),
        "canceled_at": None,
        "delisted_at": None,
        "is_canceled": False,
        "is_listed": True,
        "is_rescheduled": True,
        "is_self_booked": False,
        "is_due": True,
        "is_late_canceled": False,
        "is_rebooked": False,
        "is_settled_loss": False,
        "is_observed": False,
        "reschedule_count": 1,
        "version_count": 2,
        "visitor_booking_number": 1,
        "meeting_state": "elapsed",
        "is_lost": False,
        "duration_minutes": 45.0,
        "lead_time_hours": 246.0,  # 1 March 09:00 to 11 March 15:00: 10 * 24 + 6
        "time_to_book_minutes": 30.0,
        "cancel_notice_hours": None,
        "booked_on": on("2025-03-01"),
        "booked_week_on": on("2025-02-24"),
        "booked_month_on": on("2025-03-01"),
        "meeting_on": on("2025-03-11"),
        "local_start_at": dt.datetime(2025, 3, 11, 16),  # a clock on a wall: no zone
        "agent_local_start_at": dt.datetime(2025, 3, 11, 20, 30),
    }
    assert warehouse.row("meetings", columns=expected) == expected


def test_what_nobody_knows_of_a_meeting_is_null_and_an_absent_source_or_type_unknown(
    given: Given,
) -> None:
    warehouse = given(
        version(agent_id=None, meeting_source=None, meeting_type=None, conversation_id=None)
    )
    columns = (
        "agent_name, agent_first_team, agent_time_zone, visitor_company, visitor_email_domain,"
    )
    assert warehouse.rows(
        "meetings", f"{columns} playbook_name, booked_by_name, meeting_source, meeting_type"
    ) == [(*[None] * 7, "UNKNOWN", "UNKNOWN")]


def test_the_domain_is_what_follows_the_last_at_sign_in_lower_case(given: Given) -> None:
    domains = {
        "Ada.Lovelace@Mail.EXAMPLE.com": "mail.example.com",
        '"ada@home"@example.org': "example.org",
        "hashed:0f3a": None,
        "ada": None,
        "ada@": None,
        "": None,
        None: None,
    }
    warehouse = given(
        *(version(f"m{number}", scheduler_id=number) for number in range(len(domains))),
        version("m9", scheduler_id=None),
        contacts=[{"id": number, "email": email} for number, email in enumerate(domains)],
    )
    assert warehouse.rows("meetings", "meeting_id, visitor_email_domain") == [
        *((f"m{number}", domain) for number, domain in enumerate(domains.values())),
        ("m9", None),
    ]


def test_a_past_user_and_a_playbook_that_is_no_longer_listed_keep_their_names(
    given: Given,
) -> None:
    warehouse = given(
        version("a", conversation_id=1),
        version("b", conversation_id=2),
        version("c", conversation_id=3, agent_id=8),
        version("d", conversation_id=4),
        users=[user(7, is_current=False), user(8, name=None, email=None, is_gone=True)],
        conversations=[
            {"id": 1, "playbook_id": "60", "created_at": at("2025-03-01 09:01")},
            {"id": 2, "playbook_id": "61"},
            {"id": 3, "playbook_id": None, "created_at": None, "is_gone": True},
        ],
        playbooks=[{"id": 60, "name": "Old", "is_current": False}],
    )
    columns = "meeting_id, agent_name, playbook_id, playbook_name, time_to_book_minutes"
    assert warehouse.rows("meetings", columns) == [
        ("a", "Agent 7", "60", "Old", -1.0),
        ("b", "Agent 7", "61", None, None),
        ("c", None, None, None, None),
        ("d", "Agent 7", None, None, None),
    ]


def test_of_versions_with_one_updated_at_the_one_seen_by_the_later_sync_is_the_newest(
    given: Given,
) -> None:
    warehouse = given(
        version(sync_id="s2", status="CANCELED", content_hash=1),
        version(sync_id="s1", status="ACTIVE", content_hash=2),
    )
    assert warehouse.rows("meetings", "status, version_count") == [("CANCELED", 2)]


def test_of_versions_that_one_sync_saw_with_one_updated_at_one_is_chosen(given: Given) -> None:
    warehouse = given(version(status="A", content_hash=5), version(status="B", content_hash=-5))
    assert warehouse.rows("meetings", "status, version_count") == [("A", 2)]


def test_a_version_that_arrives_late_does_not_become_the_newest(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-05 09:00"), sync_id="s1", meeting_type="new"),
        version(updated_at=at("2025-03-01 09:00"), sync_id="s9", meeting_type="old"),
    )
    assert warehouse.rows("meetings", "meeting_type") == [("new",)]


def test_a_meeting_moved_there_and_back_was_rescheduled_twice(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), slot_start=at("2025-03-10 14:00")),
        version(updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version(updated_at=at("2025-03-03 09:00"), slot_start=at("2025-03-12 14:00"), agent_id=8),
        version(updated_at=at("2025-03-04 09:00"), slot_start=at("2025-03-10 14:00")),
    )
    assert warehouse.rows("meetings", "reschedule_count, is_rescheduled, version_count") == [
        (2, True, 4)
    ]


def test_a_start_that_appears_or_vanishes_is_no_reschedule(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), slot_start=None),
        version(updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version(updated_at=at("2025-03-03 09:00"), slot_start=None),
    )
    assert warehouse.rows("meetings", "reschedule_count, first_slot_start_at") == [(0, None)]


def test_a_meeting_is_canceled_however_drift_spells_it_and_by_no_other_word(given: Given) -> None:
    canceled = ["CANCELED", "CANCELLED", "canceled", "Cancelled"]
    others = [None, "ACTIVE", "CANCEL", "NOT CANCELED"]
    warehouse = given(
        *(version(f"m{n}", status=status) for n, status in enumerate([*canceled, *others]))
    )
    assert warehouse.rows("meetings", "meeting_id, is_canceled, canceled_at, meeting_state") == [
        *((f"m{n}", True, at("2025-03-01 09:00"), "canceled") for n in range(4)),
        *((f"m{n}", False, None, "elapsed") for n in range(4, 8)),
    ]


def test_canceled_at_is_when_the_last_cancellation_began(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), status="ACTIVE"),
        version(updated_at=at("2025-03-02 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-03 09:00"), status="ACTIVE"),
        version(updated_at=at("2025-03-04 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-05 09:00"), status="CANCELLED", meeting_notes="later"),
    )
    assert warehouse.rows("meetings", "canceled_at") == [(at("2025-03-04 09:00"),)]


def test_a_meeting_canceled_and_then_reinstated_is_not_canceled(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-01 09:00"), status="CANCELED"),
        version(updated_at=at("2025-03-02 09:00"), status="ACTIVE"),
    )
    assert warehouse.rows("meetings", "is_canceled, canceled_at, meeting_state") == [
        (False, None, "elapsed")
    ]


def test_booked_at_is_the_oldest_updated_at_where_scheduled_at_is_absent(given: Given) -> None:
    warehouse = given(
        version(updated_at=at("2025-03-03 09:00"), scheduled_at=None),
        version(updated_at=at("2025-03-02 09:00"), scheduled_at=at("2025-02-01 09:00")),
    )
    assert warehouse.rows("meetings", "booked_at") == [(at("2025-03-02 09:00"),)]


STATES = [
    (NOW + HOUR, NOW + 2 * HOUR, "upcoming", False),
    (NOW, NOW + HOUR, "in_progress", True),
    (NOW - HOUR, NOW + HOUR, "in_progress", True),
    (NOW - HOUR, NOW, "elapsed", True),
    (NOW, NOW, "elapsed", True),
    (NOW - HOUR, None, "elapsed", True),
    (NOW + HOUR, None, "upcoming", False),
    (NOW + HOUR, NOW - HOUR, "upcoming", False),  # ends before it starts
    (NOW - HOUR, NOW - 2 * HOUR, "elapsed", True),
    (None, None, "upcoming", False),
    (None, NOW - HOUR, "upcoming", False),
]


def test_a_listed_meeting_is_in_one_state_by_the_newest_sync_and_due_from_its_start(
    given: Given,
) -> None:
    warehouse = given(
        *(
            version(f"m{number:02}", slot_start=start, slot_end=end)
            for number, (start, end, *_) in enumerate(STATES)
        )
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state, is_due, is_lost") == [
        (f"m{number:02}", state, is_due, False)
        for number, (_, _, state, is_due) in enumerate(STATES)
    ]


def test_before_the_first_sync_nothing_is_due_and_what_has_a_start_has_elapsed(
    given: Given,
) -> None:
    warehouse = given(
        version("a", slot_start=NOW + 24 * 9000 * HOUR),
        version("b", slot_start=None),
        version("c", status="CANCELED"),
        syncs=[],
    )
    columns = "meeting_id, meeting_state, is_due, is_listed, delisted_at"
    assert warehouse.rows("meetings", columns) == [
        ("a", "elapsed", False, False, None),
        ("b", "upcoming", False, False, None),
        ("c", "canceled", False, False, None),
    ]


MISSED = [
    ("ACTIVE", NOW + HOUR, "delisted", False),
    ("ACTIVE", NOW - HOUR, "delisted", False),
    ("ACTIVE", None, "delisted", False),
    ("CANCELED", NOW + HOUR, "canceled", False),
    ("ACTIVE", NOW - 24 * 29 * HOUR, "delisted", False),  # a day inside the window
    ("ACTIVE", NOW - 24 * 29 * HOUR - HOUR, "elapsed", True),  # it may have been out of sight
    ("ACTIVE", NOW + 24 * 365 * HOUR, "delisted", False),  # the window's last instant
    ("ACTIVE", NOW + 24 * 365 * HOUR + HOUR, "upcoming", False),  # was not asked for
]


def test_a_meeting_that_the_newest_sync_should_have_returned_and_did_not_is_delisted(
    given: Given,
) -> None:
    warehouse = given(
        *(
            version(
                f"m{number}", status=status, slot_start=start, slot_end=start and start + HOUR / 2
            )
            for number, (status, start, *_) in enumerate(MISSED)
        ),
        listed=["another", "m99"],
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state, is_listed") == [
        (f"m{number}", state, is_listed) for number, (_, _, state, is_listed) in enumerate(MISSED)
    ]


def test_now_is_the_start_of_the_newest_sync_whatever_the_order_of_the_rows(given: Given) -> None:
    warehouse = given(
        version(slot_start=NOW - HOUR, slot_end=NOW + HOUR),
        syncs=[sync("s9", NOW), sync("s8", NOW - 2 * HOUR)],
    )
    assert warehouse.rows("meetings", "meeting_state") == [("in_progress",)]


def test_the_newest_sync_is_the_one_of_the_highest_id_whatever_the_clocks_said(
    given: Given,
) -> None:
    warehouse = given(
        version(slot_start=NOW - HOUR, slot_end=NOW + HOUR),
        version("file", sync_id="0-1", slot_start=NOW + HOUR),
        syncs=[
            sync("s8", NOW + 24 * 40 * HOUR),  # by a clock that was 40 days ahead
            sync("s9", NOW),
            sync("s7", NOW),  # and two that say the same
        ],
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state") == [
        ("file", "upcoming"),
        ("m1", "in_progress"),
    ]
    assert warehouse.rows("data_health", "newest_sync_id, observed_from_at") == [("s9", NOW)]


def test_what_a_load_that_did_not_end_left_behind_counts_nowhere(given: Given) -> None:
    warehouse = given(
        version("a"),
        version("a", sync_id="s2", updated_at=at("2025-03-02 09:00"), status="CANCELED"),
        version("b", sync_id="s2"),
        listed=["a"],
        unlisted=[{"slug": "a", "sync_id": "s2"}],
        syncs=[sync("s1"), sync("s2", NOW + HOUR, _dlt_load_id="2")],
        rejected=[{"record_id": "r1", "sync_id": "s2", "reason": "no slug"}],
    )
    states = "meeting_id, meeting_state, version_count, is_listed"
    assert warehouse.rows("meetings", states) == [("a", "elapsed", 1, True)]
    assert warehouse.rows("data_health", "newest_sync_id, versions, rejected") == [("s1", 1, 0)]


def test_the_duration_is_null_unless_the_end_follows_the_start(given: Given) -> None:
    start = at("2025-03-10 14:00")
    slots = [
        (start, at("2025-03-10 14:30"), 30.0),
        (start, start, 0.0),
        (start, at("2025-03-10 14:00:01.5"), 0.025),
        (start, at("2025-03-10 13:30"), None),
        (start, None, None),
        (None, at("2025-03-10 14:30"), None),
    ]
    warehouse = given(
        *(version(f"m{n}", slot_start=s, slot_end=end) for n, (s, end, _) in enumerate(slots))
    )
    assert warehouse.rows("meetings", "meeting_id, duration_minutes") == [
        (f"m{n}", minutes) for n, (*_, minutes) in enumerate(slots)
    ]


def test_a_meeting_booked_after_its_start_has_a_negative_lead_time(given: Given) -> None:
    warehouse = given(
        version(scheduled_at=at("2025-03-10 14:30"), slot_start=at("2025-03-10 14:00"))
    )
    assert warehouse.rows("meetings", "lead_time_hours") == [(-0.5,)]


def test_an_evening_in_new_york_is_still_that_day_there(given: Given) -> None:
    # 23:30 in New York on 9 March, the day on which its clocks went forward, is 03:30 UTC
    warehouse = given(
        version(scheduled_at=at("2025-03-09 04:30"), slot_start=at("2025-03-10 03:30")),
        time_zone="America/New_York",
    )
    # 04:30 UTC on 9 March is 23:30 on 8 March: five hours behind before, four after
    assert warehouse.rows("meetings", "booked_on, meeting_on, lead_time_hours") == [
        (on("2025-03-08"), on("2025-03-09"), 23.0)
    ]


def test_days_of_23_and_25_hours_end_at_their_own_midnight(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-03-09 05:00")),  # 00:00, 9 March: 23 hours long
        version("b", scheduled_at=at("2025-03-10 03:59:59")),  # 23:59:59, 9 March
        version("c", scheduled_at=at("2025-03-10 04:00")),  # 00:00, 10 March
        version("d", scheduled_at=at("2024-11-03 04:00")),  # 00:00, 3 November: 25 hours long
        version("e", scheduled_at=at("2024-11-04 04:59:59")),  # 23:59:59, 3 November
        version("f", scheduled_at=at("2024-11-04 05:00")),  # 00:00, 4 November
        time_zone="America/New_York",
    )
    assert warehouse.rows("meetings", "meeting_id, booked_on") == [
        ("a", on("2025-03-09")),
        ("b", on("2025-03-09")),
        ("c", on("2025-03-10")),
        ("d", on("2024-11-03")),
        ("e", on("2024-11-03")),
        ("f", on("2024-11-04")),
    ]


def test_a_zone_that_is_not_known_reaches_no_clock(given: Given) -> None:
    warehouse = given(
        version(end_user_time_zone="Mars/Olympus", known_time_zone=None),
        users=[user(7, time_zone="Mars/Olympus", known_time_zone=None)],
    )
    zones = "end_user_time_zone, local_start_at, agent_time_zone, agent_local_start_at"
    assert warehouse.rows("meetings", zones) == [("Mars/Olympus", None, "Mars/Olympus", None)]


def test_an_agent_s_clock_is_the_agent_s_own_in_summer_and_in_winter(given: Given) -> None:
    warehouse = given(
        version("a", slot_start=at("2025-03-09 06:59")),  # a minute before New York's clocks jump
        version("b", slot_start=at("2025-03-09 07:00")),
        version("c", slot_start=at("2025-03-09 07:00"), agent_id=8, known_time_zone=None),
        version("d", slot_start=at("2025-03-09 07:00"), agent_id=9),  # Drift knows no such user
        version("e", slot_start=at("2025-03-09 07:00"), agent_id=None),
        version("f", slot_start=None),
        users=[
            user(7, known_time_zone="America/New_York"),
            user(8, known_time_zone="Asia/Kolkata"),
        ],
    )
    clock = "strftime({}, '%d %H:%M')"
    columns = (
        f"meeting_id, {clock.format('local_start_at')}, {clock.format('agent_local_start_at')}"
    )
    assert warehouse.rows("meetings", columns) == [
        ("a", "09 07:59", "09 01:59"),
        ("b", "09 08:00", "09 03:00"),
        ("c", None, "09 12:30"),
        ("d", "09 08:00", None),
        ("e", "09 08:00", None),
        ("f", None, None),
    ]


def test_a_visitor_s_bookings_are_numbered_by_when_they_were_booked(given: Given) -> None:
    noon = at("2025-03-02 12:00")
    warehouse = given(
        version("a", scheduler_id=1, scheduled_at=noon + HOUR),
        version("b", scheduler_id=1, scheduled_at=noon, status="CANCELED"),
        version("c", scheduler_id=1, scheduled_at=noon),
        version("d", scheduler_id=1, scheduled_at=None, updated_at=noon - HOUR),
        version("e", scheduler_id=2, scheduled_at=noon + 2 * HOUR),
        version("f", scheduler_id=None),
        version("g", scheduler_id=None),
    )
    assert warehouse.rows("meetings", "meeting_id, visitor_booking_number") == [
        ("a", 4),
        ("b", 2),
        ("c", 3),
        ("d", 1),
        ("e", 1),
        ("f", None),
        ("g", None),
    ]


def test_the_moves_of_a_meeting_are_observed_if_it_was_booked_since_the_first_sync(
    given: Given,
) -> None:
    first = at("2025-03-05 12:00")
    warehouse = given(
        version("a", scheduled_at=first - dt.timedelta(microseconds=1)),
        version("b", scheduled_at=first),
        version("c", scheduled_at=None, updated_at=first + HOUR),
        syncs=[sync("s1", first), sync("s2", first + HOUR), sync("s3")],
    )
    observed = "meeting_id, is_observed"
    assert warehouse.rows("meetings", observed) == [("a", False), ("b", True), ("c", True)]


def test_before_the_first_sync_no_move_was_observed_and_no_loss_is_settled(given: Given) -> None:
    warehouse = given(version(status="CANCELED"), syncs=[])
    assert warehouse.rows("meetings", "is_observed, is_settled_loss") == [(False, False)]


def test_a_week_and_a_month_begin_in_the_zone_of_days(given: Given) -> None:
    sunday, monday = at("2025-03-09 12:00"), at("2025-03-10 06:00")
    february, march = at("2025-02-28 12:00"), at("2025-03-01 07:00")
    booked = {"a": sunday, "b": monday, "c": february, "d": march}
    meetings = [version(slug, scheduled_at=moment) for slug, moment in booked.items()]
    columns = "meeting_id, booked_on, booked_week_on, booked_month_on"
    assert given(*meetings, time_zone="Pacific/Auckland").rows("meetings", columns) == [
        ("a", on("2025-03-10"), on("2025-03-10"), on("2025-03-01")),  # one o'clock on Monday
        ("b", on("2025-03-10"), on("2025-03-10"), on("2025-03-01")),
        ("c", on("2025-03-01"), on("2025-02-24"), on("2025-03-01")),
        ("d", on("2025-03-01"), on("2025-02-24"), on("2025-03-01")),
    ]


def test_west_of_utc_a_monday_morning_is_still_the_week_before(given: Given) -> None:
    warehouse = given(
        version("a", scheduled_at=at("2025-03-10 06:59")),  # Sunday, 23:59 in Los Angeles
        version("b", scheduled_at=at("2025-03-10 07:00")),  # Monday, 00:00
        version("c", scheduled_at=at("2025-03-01 07:59")),  # 28 February, 23:59
        time_zone="America/Los_Angeles",
    )
    assert warehouse.rows("meetings", "booked_on, booked_week_on, booked_month_on") == [
        (on("2025-02-28"), on("2025-02-24"), on("2025-02-01")),
        (on("2025-03-09"), on("2025-03-03"), on("2025-03-01")),
        (on("2025-03-10"), on("2025-03-10"), on("2025-03-01")),
    ]


def test_without_meetings_every_table_is_empty_or_zero(given: Given) -> None:
    warehouse = given(syncs=[sync()])
    tables = [name for name, model in MODELS.items() if model.folder == "marts"]
    filled = [name for name in tables if warehouse.rows(name, "*")]
    assert sorted(filled) == ["booking_periods", "data_health", "lead_time_buckets"]
    assert warehouse.rows("booking_periods", "period, is_known") == [("last_56_days", False)]
    assert warehouse.rows("lead_time_buckets", "lead_time_bucket, bookings, cancel_rate") == [
        ("0-1 days", 0, None),
        ("2-7 days", 0, None),
        ("8-21 days", 0, None),
        ("over 21 days", 0, None),
    ]


# start, newest state, state, delisted_at
FROM_FILES = [
    ("2025-04-01", "2025-03-01", "delisted", "2025-03-10 08:00"),  # the next read missed it
    ("2025-04-01", "2025-03-15", "delisted", "2025-03-20 15:30"),
    ("2025-04-01", "2025-03-20 15:31", "upcoming", None),  # newer than every read
    ("2025-03-12", "2025-03-01", "delisted", "2025-03-10 08:00"),
    ("2025-01-05", "2025-01-01", "elapsed", None),  # out of sight when the next read came
]


def test_a_meeting_from_a_file_that_the_next_read_did_not_return_is_delisted(given: Given) -> None:
    warehouse = given(
        *(
            version(
                f"m{number}",
                sync_id="0-20250321T000000.000000Z-000000",
                updated_at=at(updated_at),
                slot_start=at(start),
                slot_end=at(start),
            )
            for number, (start, updated_at, *_) in enumerate(FROM_FILES)
        ),
        listed=[],
        syncs=[sync("20250310T080000.000000Z", at("2025-03-10 08:00")), sync("20250320T153000")],
    )
    assert warehouse.rows("meetings", "meeting_id, meeting_state, delisted_at") == [
        (f"m{number}", state, delisted_at and at(delisted_at))
        for number, (*_, state, delisted_at) in enumerate(FROM_FILES)
    ]


def test_with_no_read_at_all_meetings_from_files_still_become_tables(given: Given) -> None:
    warehouse = given(
        version("m1", sync_id="0-20250321T000000.000000Z-000000"), listed=[], syncs=[]
    )
    assert warehouse.rows("meetings", "meeting_state, delisted_at, is_listed") == [
        ("elapsed", None, False)
    ]
    assert warehouse.rows("weekly_bookings", "week_start_on, bookings, is_complete") == [
        (on("2025-02-24"), 1, False)
    ]


def test_a_meeting_that_a_read_has_seen_too_is_not_one_from_files(given: Given) -> None:
    warehouse = given(
        version(sync_id="0-20250321T000000.000000Z-000000", slot_start=at("2025-04-01")),
        version(
            sync_id="20250310T080000.000000Z",
            updated_at=at("2025-03-02 09:00"),
            slot_start=at("2025-04-01"),
        ),
        listed=[],
        syncs=[sync("20250310T080000.000000Z", at("2025-03-10 08:00")), sync("20250320T153000")],
    )
    # the read of the 10th returned it: the newest one is the first that did not
    assert warehouse.rows("meetings", "meeting_state, delisted_at") == [("delisted", NOW)]
