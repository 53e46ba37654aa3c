"""The questions that people ask, each with the answer that a few raw rows give."""

import datetime as dt
import re
from pathlib import Path

import duckdb
import pytest

from .conftest import NOW, SQL, Given, Row, Warehouse, at, on, sync, user, version

QUESTIONS = {file.stem: file.read_text("utf-8") for file in (SQL / "questions").glob("*.sql")}
KNOWN_SINCE_WINTER = [sync("s1", at("2025-01-01 12:00")), sync()]
AGENTS = [user(7), user(8), user(9)]


def ask(question: str, warehouse: Warehouse) -> list[tuple[object, ...]]:
    """The rows of the answer, in its order."""
    return warehouse.query(QUESTIONS[question])


def meeting(
    slug: str,
    starts: str = "2025-03-10 14:00",
    *,
    booked: str = "2025-02-10 09:00",
    minutes: int = 30,
    canceled: str | None = None,
    **attributes: object,
) -> list[Row]:
    """A meeting as it was booked, and as it was canceled."""
    start, booked_at = at(starts), at(booked)
    first = version(
        slug,
        updated_at=booked_at,
        scheduled_at=booked_at,
        slot_start=start,
        slot_end=start + dt.timedelta(minutes=minutes),
        **attributes,
    )
    if canceled is None:
        return [first]
    return [first, {**first, "updated_at": at(canceled), "status": "CANCELED"}]


def contact(number: int, company: str | None, email: str | None = None) -> Row:
    """A visitor, as stored."""
    return {"id": number, "company": company, "email": email, "is_gone": False}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_a_question_begins_with_itself(question: str) -> None:
    first = QUESTIONS[question].splitlines()[0]
    asked = re.fullmatch(r"-- ([A-Z][^?]*)\?( [A-Z].*\.)?", first)
    assert asked
    assert question == re.sub(r"[^a-z0-9]+", "_", asked[1].lower().replace("'", ""))


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_a_question_reads_what_analysts_may_read(question: str) -> None:
    tables = duckdb.get_table_names(QUESTIONS[question], qualified=True)
    assert {table.split(".")[0] for table in tables} == {"bookings"}


def test_every_question_is_asked_here() -> None:
    asked = re.findall(r'\bask\("(\w+)"', Path(__file__).read_text("utf-8"))
    assert not QUESTIONS.keys() - {*asked}, "write a test of its answer, with raw rows, here"


def test_who_books_most_is_told_by_the_last_28_days(given: Given) -> None:
    warehouse = given(
        *meeting("a", agent_id=7, booked="2025-02-20 00:00"),
        *meeting("b", agent_id=7, booked="2025-03-19 23:59"),
        *meeting("c", agent_id=8, booked="2025-03-01 09:00"),
        *meeting("today", agent_id=8, booked="2025-03-20 00:00"),
        *meeting("d", agent_id=8, booked="2025-02-19 23:59"),
        *meeting("e", agent_id=8, booked="2025-01-23 00:00"),
        *meeting("f", agent_id=8, booked="2025-01-22 23:59"),  # before both spans
        *meeting("g", agent_id=9, booked="2025-02-19 09:00"),  # none lately
        *meeting("h", agent_id=None, booked="2025-03-01 09:00"),
        users=AGENTS,
        teams={1: [7]},
        syncs=KNOWN_SINCE_WINTER,
    )
    assert ask("who_books_most", warehouse) == [
        (7, "Agent 7", "Team 1", 2, 0, None),
        (8, "Agent 8", None, 1, 2, -0.5),
        (None, "Unassigned", None, 1, 0, None),
    ]


def test_an_agent_s_cancel_rate_is_of_the_meetings_that_were_due_in_the_month(
    given: Given,
) -> None:
    warehouse = given(
        *meeting("a", "2025-02-28 14:00", agent_id=7, canceled="2025-02-27 09:00"),
        *meeting("b", "2025-03-05 14:00", agent_id=7),
        *meeting("c", "2025-03-06 14:00", agent_id=7, canceled="2025-03-01 09:00"),
        *meeting("d", "2025-03-25 14:00", agent_id=7, canceled="2025-03-01 09:00"),  # is ahead
        *meeting("e", "2025-03-07 14:00", agent_id=8),
        users=AGENTS,
    )
    assert ask("how_often_are_each_agents_meetings_canceled", warehouse) == [
        (on("2025-03-01"), 7, "Agent 7", 2, 1, 0.5),
        (on("2025-03-01"), 8, "Agent 8", 1, 0, 0.0),
        (on("2025-02-01"), 7, "Agent 7", 1, 1, 1.0),
    ]


def test_a_source_without_bookings_in_a_complete_week_has_a_row_of_none(given: Given) -> None:
    warehouse = given(
        *meeting("a", booked="2025-11-20 09:00"),  # a week known in part
        *meeting("b", booked="2025-11-26 09:00"),
        *meeting("c", booked="2025-11-30 23:59"),
        *meeting("d", booked="2025-12-09 09:00"),
        *meeting("e", booked="2025-12-16 09:00"),  # a week not yet ended
        # the month begins on that Monday, too, and the type has the other source's name
        *meeting("f", booked="2025-12-01 00:00", meeting_source="LINK", meeting_type="WIDGET"),
        syncs=[sync(started_at=at("2025-12-18 15:30"))],
    )
    assert ask("how_do_the_bookings_of_each_source_develop", warehouse) == [
        ("LINK", on("2025-11-24"), 0),
        ("LINK", on("2025-12-01"), 1),
        ("LINK", on("2025-12-08"), 0),
        ("WIDGET", on("2025-11-24"), 2),
        ("WIDGET", on("2025-12-01"), 0),
        ("WIDGET", on("2025-12-08"), 1),
    ]


@pytest.mark.parametrize("now", ["2025-03-17 00:00", "2025-03-20 15:30", "2025-03-23 23:59"])
def test_next_week_is_from_monday_to_sunday_on_any_day_of_this_week(now: str, given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-23 23:59", agent_id=8),
        *meeting("b", "2025-03-24 00:00", agent_id=7),
        *meeting("c", "2025-03-30 23:59", agent_id=7),
        *meeting("d", "2025-03-31 00:00", agent_id=8),
        *meeting("e", "2025-03-25 14:00", agent_id=8, canceled="2025-03-01 09:00"),
        *meeting("f", "2025-03-26 14:00", agent_id=None),
        users=AGENTS,
        syncs=[sync(started_at=at(now))],
    )
    assert ask("how_many_meetings_does_each_agent_have_next_week", warehouse) == [
        (7, "Agent 7", 2, on("2025-03-24")),
        (None, None, 1, on("2025-03-26")),
    ]


def test_who_is_double_booked_is_told_with_both_meetings(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-21 10:00", agent_id=7, minutes=60),
        *meeting("b", "2025-03-21 10:59", agent_id=7),
        *meeting("c", "2025-03-20 16:00", agent_id=8),
        *meeting("d", "2025-03-20 16:00", agent_id=8),
        *meeting("e", "2025-03-20 09:00", agent_id=9),  # over
        *meeting("f", "2025-03-20 09:00", agent_id=9),
        *meeting("g", "2025-03-22 09:00", agent_id=9),  # back to back
        *meeting("h", "2025-03-22 09:30", agent_id=9),
        *meeting("i", "2025-03-22 09:45", agent_id=9, canceled="2025-03-01 09:00"),
        users=AGENTS,
    )
    today, tomorrow = at("2025-03-20 16:00"), at("2025-03-21 10:00")
    assert ask("who_is_double_booked", warehouse) == [
        (8, "Agent 8", "c", today, "d", today, 30.0),
        (7, "Agent 7", "a", tomorrow, "b", at("2025-03-21 10:59"), 1.0),
    ]


def test_bookings_of_a_member_are_compared_with_an_equal_share(given: Given) -> None:
    warehouse = given(
        *meeting("a", agent_id=8, booked="2025-03-01 09:00"),
        *meeting("b", agent_id=8, booked="2025-03-02 09:00"),
        *meeting("c", agent_id=8, booked="2025-03-03 09:00"),
        *meeting("d", agent_id=7, booked="2025-03-04 09:00"),
        *meeting("e", agent_id=9, booked="2025-02-10 09:00"),  # over 28 days ago
        users=AGENTS,
        teams={1: [7, 8], 2: [9]},
    )
    assert ask("how_evenly_are_bookings_spread_inside_each_team", warehouse) == [
        ("Team 1", "Agent 8", 3, 0.75, 0.5, 0.25),
        ("Team 1", "Agent 7", 1, 0.25, 0.5, -0.25),
        ("Team 2", "Agent 9", 0, None, 1.0, None),
    ]


def test_a_takeover_leads_from_one_agent_to_another(given: Given) -> None:
    moves: dict[str, list[int | None]] = {
        "a": [7, 8],
        "b": [8, 7, 8],
        "c": [None, 7],
        "d": [7, None],
        "e": [9, 9],
    }
    warehouse = given(
        *(
            version(slug, agent_id=agent, updated_at=at(f"2025-03-0{day} 09:00"))
            for slug, agents in moves.items()
            for day, agent in enumerate(agents, start=1)
        ),
        users=[user(7)],
    )
    assert ask("who_took_over_whose_meetings", warehouse) == [
        (7, "Agent 7", 8, None, 2),
        (8, None, 7, "Agent 7", 1),
    ]


def test_a_visitor_books_again_at_the_moment_of_canceling_or_later(given: Given) -> None:
    warehouse = given(
        *meeting("a", scheduler_id=501, meeting_source="LINK", canceled="2025-03-05 09:00"),
        *meeting("b", scheduler_id=501, booked="2025-03-05 09:00"),
        *meeting("c", scheduler_id=502, canceled="2025-03-05 09:00"),
        *meeting("d", scheduler_id=502, booked="2025-03-05 08:59"),
        *meeting("e", scheduler_id=503, meeting_source="EMAIL_DROP"),  # not canceled
        *meeting("f", scheduler_id=504),  # no longer listed, as of today
        *meeting("g", scheduler_id=505, canceled="2025-03-07 09:00"),  # 13 days ago
        *meeting("h", scheduler_id=505, booked="2025-03-07 10:00"),
        listed=["a", "b", "c", "d", "e", "g", "h"],
    )
    assert ask("how_many_book_again_after_canceling", warehouse) == [
        ("all", 2, 1, 0.5),
        ("LINK", 1, 1, 1.0),
        ("WIDGET", 1, 0, 0.0),
    ]


def test_the_notice_of_a_cancellation_is_negative_after_the_start(given: Given) -> None:
    warehouse = given(
        *meeting("a", canceled="2025-03-08 14:00"),  # 48 hours before
        *meeting("b", canceled="2025-03-10 12:00"),  # 2 hours before
        *meeting("c", canceled="2025-03-10 15:00", meeting_type="Trial"),
        *meeting("d", meeting_type="Intro"),
    )
    assert ask("how_long_before_the_start_are_meetings_canceled", warehouse) == [
        ("Trial", 1, -1.0, 1),
        ("Demo", 2, 25.0, 1),
    ]


def test_a_playbook_without_a_name_goes_by_its_id(given: Given) -> None:
    start = at("2025-03-01 09:00")
    warehouse = given(
        *meeting("a", booked="2025-03-01 09:10", conversation_id=9001),
        *meeting("b", booked="2025-03-01 09:30", conversation_id=9001),
        *meeting("c", booked="2025-03-01 09:05", conversation_id=9002),
        *meeting("d", booked="2025-03-01 10:00", conversation_id=9003),
        *meeting("e", booked="2025-03-01 10:00", conversation_id=9004),  # not read
        conversations=[
            {"id": 9001, "playbook_id": "31", "created_at": start},
            {"id": 9002, "playbook_id": "32", "created_at": start},
            {"id": 9003, "playbook_id": "33", "created_at": None},
        ],
        playbooks=[{"id": 31, "name": "Pricing page"}],
    )
    assert ask("how_fast_do_conversations_lead_to_a_booking", warehouse) == [
        ("32", "32", 1, 5.0),
        ("31", "Pricing page", 2, 20.0),
    ]


def test_two_visitors_of_a_company_are_not_one_who_comes_back(given: Given) -> None:
    warehouse = given(
        *meeting("a", scheduler_id=501),
        *meeting("b", scheduler_id=502),
        *meeting("c", scheduler_id=503),
        *meeting("d", scheduler_id=503),
        *meeting("e", scheduler_id=504),  # of no known company
        *meeting("f", scheduler_id=504),
        contacts=[
            contact(501, "Acme Example"),
            contact(502, "Acme Example"),
            contact(503, "Birch Example"),
            contact(504, None),
        ],
    )
    assert ask("which_companies_come_back", warehouse) == [
        ("Birch Example", 1, 1),
        ("Acme Example", 2, 0),
    ]


def test_e_mail_domains_are_told_apart_by_lower_case_letters(given: Given) -> None:
    warehouse = given(
        *meeting("a", scheduler_id=501),
        *meeting("b", scheduler_id=501),
        *meeting("c", scheduler_id=502),
        *meeting("d", scheduler_id=503),
        *meeting("e", scheduler_id=504),
        contacts=[
            contact(501, None, "ana@EXAMPLE.com"),
            contact(502, None, "bo@example.com"),
            contact(503, None, "cy@example.org"),
            contact(504, None, "9f86d081884c7d65"),  # hashed
        ],
    )
    assert ask("which_e_mail_domains_do_bookings_come_from", warehouse) == [
        ("example.com", 3, 2),
        ("example.org", 1, 1),
    ]


def test_the_next_two_days_are_48_hours_from_the_booking_on(given: Given) -> None:
    booked = "2025-03-10 09:00"
    warehouse = given(
        *meeting("a", "2025-03-12 09:00", booked=booked),
        *meeting("b", "2025-03-12 09:01", booked=booked),
        *meeting("c", "2025-03-10 08:59", booked=booked),  # booked after its start
        *meeting("d", "2025-03-10 09:00", booked=booked, meeting_source="LINK"),
        version("e", slot_start=None, slot_end=None),
    )
    assert ask("what_share_of_bookings_is_for_the_next_two_days", warehouse) == [
        ("LINK", 1, 1.0),
        ("WIDGET", 3, 1 / 3),
    ]


def test_a_visitor_belongs_to_the_month_of_the_first_booking(given: Given) -> None:
    warehouse = given(
        *meeting("a", scheduler_id=501, booked="2025-01-31 23:59"),
        *meeting("b", scheduler_id=501, booked="2025-02-01 00:00"),
        *meeting("c", scheduler_id=501, booked="2025-02-02 09:00"),
        *meeting("d", scheduler_id=502, booked="2025-01-02 09:00"),
        *meeting("e", scheduler_id=503, booked="2025-02-02 09:00"),
        *meeting("f", scheduler_id=None, booked="2025-03-02 09:00"),
    )
    assert ask("in_which_months_do_visitors_book_again", warehouse) == [
        (on("2025-01-01"), on("2025-01-01"), 2),
        (on("2025-01-01"), on("2025-02-01"), 1),
        (on("2025-02-01"), on("2025-02-01"), 1),
    ]


def test_a_period_is_known_in_part_at_the_first_read_in_a_gap_and_until_it_has_ended(
    given: Given,
) -> None:
    warehouse = given(
        *meeting("a", booked="2025-02-05 12:00"),
        *meeting("b", booked="2025-03-18 12:00"),
        syncs=[
            sync("s1", at("2025-03-07 12:00")),  # saw all from 5 February at noon on
            sync(gap_from=at("2025-03-12 12:00"), gap_to=at("2025-03-13 12:00")),
        ],
    )
    since = on("2025-02-06")
    assert ask("which_weeks_and_months_are_known_only_in_part", warehouse) == [
        ("month", on("2025-02-01"), False, since),
        ("month", on("2025-03-01"), False, since),
        ("week", on("2025-02-03"), False, since),
        ("week", on("2025-03-10"), False, since),
        ("week", on("2025-03-17"), True, since),
    ]


def test_trust_depends_on_freshness_gaps_rejected_records_and_people_not_read(
    given: Given,
) -> None:
    warehouse = given(
        *meeting("a", agent_id=7, scheduler_id=501),
        *meeting("b", agent_id=8, scheduler_id=501),
        *meeting("c", agent_id=7, scheduler_id=502),
        *meeting("d", agent_id=7, scheduler_id=501),
        syncs=[
            sync("s1", at("2025-03-20 09:00")),
            sync(gap_from=at("2025-03-12 12:00"), gap_to=at("2025-03-13 12:00")),
        ],
        users=[user(7)],
        contacts=[contact(502, None)],
        rejected=[{"record_id": "r1", "reason": "no slug", "sync_id": "s9"}],
    )
    assert ask("can_the_numbers_be_trusted", warehouse) == [
        (NOW, 6.5, on("2025-02-19"), at("2025-03-20 09:00"), 1, 4, 1, 0.75, 0.25)
    ]


def test_yesterday_is_a_day_of_the_time_zone_of_days(given: Given) -> None:
    moved = [
        version(
            "c", updated_at=at(f"2025-03-19 0{hour}:00"), slot_start=at(f"2025-03-2{hour} 14:00")
        )
        for hour in (5, 6)
    ]
    warehouse = given(
        *meeting("a", booked="2025-03-20 03:59"),  # 23:59 on the 19th
        *meeting("b", booked="2025-03-19 03:59", canceled="2025-03-19 12:00"),  # on the 18th
        version("c"),
        *moved,
        time_zone="America/New_York",
    )
    assert ask("what_changed_yesterday", warehouse) == [
        ("rescheduled", 2, 1),
        ("booked", 1, 1),
        ("canceled", 1, 1),
    ]


def test_visitors_meet_at_hours_of_their_own_clocks(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-10 14:00"),  # 15:00 in Berlin
        *meeting("b", "2025-03-17 14:00", canceled="2025-03-01 09:00"),
        *meeting("c", "2025-03-16 23:30"),  # Monday in Berlin
        *meeting("d", "2025-03-10 14:00", known_time_zone="America/New_York"),
        *meeting("e", "2025-03-10 14:00", known_time_zone=None),
    )
    assert ask("when_do_visitors_meet", warehouse) == [
        (1, 15, 2, 2, 1, 0.5),
        (1, 0, 1, 1, 0, 0.0),
        (1, 10, 1, 1, 0, 0.0),
    ]


def test_the_source_that_cancels_most_is_found_among_due_meetings(given: Given) -> None:
    ahead, lost = "2025-03-25 14:00", "2025-03-01 09:00"
    warehouse = given(
        *meeting("a", meeting_source="LINK", canceled=lost),
        *meeting("b", meeting_source="LINK"),
        *meeting("c", meeting_source="WIDGET", canceled=lost),
        *meeting("d", meeting_source="WIDGET"),
        *meeting("e", meeting_source="WIDGET"),
        *meeting("f", ahead, meeting_source="WIDGET", canceled=lost),
        *meeting("g", ahead, meeting_source="EMAIL_DROP", canceled=lost),
    )
    assert ask("which_source_cancels_most", warehouse) == [
        ("LINK", 0.5, 1, 2),
        ("WIDGET", 1 / 3, 1, 3),
    ]


def test_visitors_wait_for_calendar_days(given: Given) -> None:
    booked = "2025-02-10 23:00"
    warehouse = given(
        *meeting("a", "2025-02-11 23:30", booked=booked),  # over 24 hours, and tomorrow
        *meeting("b", "2025-02-11 01:00", booked=booked, canceled="2025-02-10 23:30"),
        *meeting("c", "2025-02-17 14:00", booked=booked),
        *meeting("d", "2025-02-18 00:00", booked=booked, canceled="2025-02-11 09:00"),
        *meeting("e", "2025-03-25 14:00", booked=booked),
    )
    assert ask("how_long_do_visitors_wait", warehouse) == [
        ("0-1 days", 2, 2, 1, 0.5),
        ("2-7 days", 1, 1, 0, 0.0),
        ("8-21 days", 1, 1, 1, 1.0),
        ("over 21 days", 1, 0, 0, None),
    ]


def test_an_agent_is_overloaded_by_the_hours_of_the_next_seven_days(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-20 23:00", agent_id=7, minutes=60),  # today
        *meeting("b", "2025-03-21 00:00", agent_id=7, minutes=60),
        *meeting("c", "2025-03-21 14:00", agent_id=7, minutes=30),
        *meeting("d", "2025-03-27 23:00", agent_id=7, minutes=60),
        *meeting("e", "2025-03-28 00:00", agent_id=7, minutes=60),  # in eight days
        *meeting("f", "2025-03-22 09:00", agent_id=8, canceled="2025-03-01 09:00"),
        *meeting("g", "2025-03-24 09:00", agent_id=9, minutes=180),
        users=AGENTS,
    )
    assert ask("which_agents_are_overloaded_in_the_days_ahead", warehouse) == [
        (9, "Agent 9", 3.0, 3.0),
        (7, "Agent 7", 2.5, 1.5),
    ]


def test_a_cancellation_is_late_within_24_hours_of_the_start(given: Given) -> None:
    warehouse = given(
        *meeting("a", agent_id=7, canceled="2025-03-09 14:00"),
        *meeting("b", agent_id=7, canceled="2025-03-09 14:01"),
        *meeting("c", "2025-03-20 18:00", agent_id=7, canceled="2025-03-20 10:00"),  # not due
        *meeting("d", agent_id=8, canceled="2025-03-11 14:00"),
        *meeting("e", agent_id=9),
        users=AGENTS,
    )
    assert ask("whose_meetings_are_canceled_late", warehouse) == [
        (8, "Agent 8", 1, 1, 1.0),
        (7, "Agent 7", 1, 2, 0.5),
    ]


def test_an_upcoming_meeting_counts_in_each_team_of_its_agent(given: Given) -> None:
    ahead = "2025-03-25 14:00"
    warehouse = given(
        *meeting("a", ahead, agent_id=7),
        *meeting("b", ahead, agent_id=8),
        *meeting("c", ahead, agent_id=8),
        *meeting("d", ahead, agent_id=None),
        *meeting("e", agent_id=9),  # has taken place
        *meeting("f", ahead, agent_id=9, canceled="2025-03-01 09:00"),
        teams={1: [8], 2: [7, 8], 3: [9]},
    )
    assert ask("which_team_has_most_upcoming_meetings", warehouse) == [
        (2, "Team 2", 3),
        (1, "Team 1", 2),
        (None, "UNKNOWN", 1),
    ]


def test_meetings_that_visitors_booked_stand_beside_those_that_users_booked(given: Given) -> None:
    warehouse = given(
        *meeting("a", booked_by=None),
        *meeting("b", booked_by=None),
        *meeting("c", booked_by=None),
        *meeting("d", booked_by=21),
        *meeting("e", booked_by=20),
        *meeting("f", booked_by=20),
        users=[user(20)],
    )
    assert ask("who_books_for_visitors", warehouse) == [
        (True, None, None, 3),
        (False, 20, "Agent 20", 2),
        (False, 21, None, 1),
    ]


def test_cancel_rates_are_compared_between_weeks_whose_meetings_are_all_due(given: Given) -> None:
    first, lost = "2025-02-26 09:00", "2025-03-01 09:00"
    warehouse = given(
        *meeting("a", "2025-02-23 23:59", booked=first),  # a week known in part
        *meeting("b", "2025-03-03 00:00", booked=first, canceled=lost),
        *meeting("c", "2025-03-09 23:59", booked=first),
        *meeting("d", "2025-03-10 00:00", booked=first, canceled=lost),
        *meeting("e", "2025-03-14 14:00", booked="2025-03-13 09:00"),
        *meeting("f", "2025-03-14 15:00", booked="2025-03-13 09:00"),
        *meeting("g", "2025-03-18 14:00", booked="2025-03-17 09:00"),  # a week not yet ended
        *meeting("h", "2025-03-25 14:00", booked=first, canceled=lost),
    )
    assert ask("is_the_cancel_rate_really_falling", warehouse) == [
        (on("2025-03-03"), 2, 1, 0.5),
        (on("2025-03-10"), 3, 1, 1 / 3),
    ]


def test_a_meeting_without_an_agent_is_shown_until_it_starts_and_from_the_day_before(
    given: Given,
) -> None:
    warehouse = given(
        *meeting("a", "2025-03-20 15:31", agent_id=None),
        *meeting("b", "2025-03-21 23:59", agent_id=None, scheduler_id=502),
        *meeting("c", "2025-03-22 00:00", agent_id=None),  # the day after tomorrow
        *meeting("d", "2025-03-20 15:30", agent_id=None),  # has started
        *meeting("e", "2025-03-21 09:00", agent_id=None, canceled="2025-03-01 09:00"),
        *meeting("f", "2025-03-21 09:00", agent_id=7),
        contacts=[contact(502, "Acme Example")],
    )
    assert ask("which_meetings_of_today_and_tomorrow_have_no_agent", warehouse) == [
        (at("2025-03-20 15:31"), "a", None, "WIDGET"),
        (at("2025-03-21 23:59"), "b", "Acme Example", "WIDGET"),
    ]


def test_late_cancellations_are_those_of_yesterday_and_today(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-20 10:00", canceled="2025-03-20 09:00"),
        *meeting("b", "2025-03-19 14:00", canceled="2025-03-19 00:00"),
        *meeting("c", "2025-03-19 14:00", canceled="2025-03-18 23:59"),  # the day before
        *meeting("d", "2025-03-25 14:00", canceled="2025-03-20 09:00"),  # not late
        users=AGENTS,
    )
    assert ask("which_meetings_were_canceled_late_since_yesterday", warehouse) == [
        (at("2025-03-20 09:00"), at("2025-03-20 10:00"), "a", "Agent 7", 1.0),
        (at("2025-03-19 00:00"), at("2025-03-19 14:00"), "b", "Agent 7", 14.0),
    ]


def test_growth_is_told_of_whole_days(given: Given) -> None:
    warehouse = given(
        *meeting("a", booked="2025-03-19 09:00", meeting_source="LINK"),
        *meeting("b", booked="2025-02-19 09:00", meeting_source="LINK"),
        *meeting("c", booked="2025-03-18 09:00"),
        *meeting("d", booked="2025-02-10 09:00"),
        *meeting("e", booked="2025-02-11 09:00"),
        *meeting("f", booked="2025-03-20 09:00"),  # today
        *meeting("g", booked="2025-03-18 09:00", meeting_source="CHAT"),  # new
        syncs=KNOWN_SINCE_WINTER,
    )
    assert ask("which_sources_are_growing", warehouse) == [
        ("LINK", 1, 1, 0.0),
        ("WIDGET", 1, 2, -0.5),
    ]


def test_moves_are_counted_of_meetings_whose_every_move_was_seen(given: Given) -> None:
    first = at("2025-02-20 12:00")

    def moved(slug: str, booked: str, **attributes: object) -> list[Row]:
        (row,) = meeting(slug, booked=booked, **attributes)  # type: ignore[arg-type]  # no time
        return [row, {**row, "updated_at": NOW, "slot_start": at("2025-03-11 14:00")}]

    warehouse = given(
        *moved("a", "2025-02-20 12:00"),
        *meeting("b", booked="2025-02-21 12:00"),
        *meeting("c", booked="2025-02-21 12:00", meeting_type="Call"),
        *moved("d", "2025-02-10 12:00"),  # booked before the first read
        *moved("e", "2025-02-10 12:00", meeting_type="Intro"),
        syncs=[sync("s1", first), sync()],
    )
    assert ask("how_often_are_meetings_moved", warehouse) == [
        ("Demo", 1, 2, 0.5, first),
        ("Call", 0, 1, 0.0, first),
    ]


def test_a_visitor_is_new_with_the_first_booking_alone(given: Given) -> None:
    warehouse = given(
        *meeting("a", scheduler_id=501, booked="2025-01-05 09:00"),
        *meeting("b", scheduler_id=501, booked="2025-02-05 09:00"),
        *meeting("c", scheduler_id=502, booked="2025-02-05 09:00"),
        *meeting("d", scheduler_id=502, booked="2025-02-06 09:00"),
        *meeting("e", scheduler_id=None, booked="2025-02-06 09:00"),
    )
    assert ask("how_many_bookings_are_of_new_visitors", warehouse) == [
        (on("2025-01-01"), 1, 1, 1.0),
        (on("2025-02-01"), 1, 3, 1 / 3),
    ]


def test_office_hours_are_those_of_the_agent_s_own_clock(given: Given) -> None:
    kolkata = "Asia/Kolkata"  # five and a half hours ahead
    warehouse = given(
        *meeting("a", "2025-03-10 02:30", agent_id=7),  # 8:00
        *meeting("b", "2025-03-10 02:29", agent_id=7),
        *meeting("c", "2025-03-10 12:30", agent_id=7),  # 18:00
        *meeting("d", "2025-03-15 06:00", agent_id=7),  # a Saturday
        *meeting("e", "2025-03-14 18:30", agent_id=7, canceled="2025-03-01 09:00"),
        *meeting("f", "2025-03-10 02:29", agent_id=8),
        users=[user(7, known_time_zone=kolkata), user(8, known_time_zone=None)],
    )
    assert ask("who_meets_outside_office_hours", warehouse) == [(7, "Agent 7", 3, 4)]


def test_agents_who_joined_lately_stand_beside_the_others(given: Given) -> None:
    warehouse = given(
        *meeting("a", agent_id=7, booked="2025-03-01 09:00", canceled="2025-03-02 09:00"),
        *meeting("b", agent_id=7, booked="2025-03-01 09:00"),
        *meeting("c", agent_id=8, booked="2025-03-01 09:00"),
        users=[
            user(7, created_at=at("2025-02-10 09:00")),
            user(8, created_at=at("2024-03-01 09:00")),
            user(9, created_at=at("2024-03-31 09:00")),  # has no meeting
            user(10, created_at=at("2024-03-31 09:00"), is_current=False),
            user(11),
        ],
    )
    assert ask("how_do_agents_do_who_joined_lately", warehouse) == [
        (1, 1, 2.0, 0.5),
        (12, 2, 0.5, 0.0),
    ]


def test_a_month_is_told_with_what_is_due_of_it(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-02-20 14:00", booked="2025-02-10 09:00", canceled="2025-02-11 09:00"),
        *meeting("b", "2025-03-10 14:00", booked="2025-02-10 09:00"),
        *meeting("c", "2025-03-25 14:00", booked="2025-03-10 09:00", canceled="2025-03-11 09:00"),
        syncs=KNOWN_SINCE_WINTER,
    )
    assert ask("how_do_the_months_compare", warehouse) == [
        (on("2025-02-01"), 2, 2, 1, 0.5, True),
        (on("2025-03-01"), 1, 0, 0, None, False),
    ]


def test_a_playbook_has_a_share_of_all_bookings(given: Given) -> None:
    warehouse = given(
        *meeting("a", conversation_id=9001),
        *meeting("b", conversation_id=9001),
        *meeting("c", conversation_id=9002, booked="2025-03-10 09:00"),
        *meeting("d", conversation_id=None),
        conversations=[{"id": 9001, "playbook_id": "31"}, {"id": 9002, "playbook_id": "32"}],
        playbooks=[{"id": 31, "name": "Pricing page"}],
    )
    assert ask("which_playbooks_bring_most_bookings", warehouse) == [
        ("31", "Pricing page", 2, 0.5, 0),
        ("32", "32", 1, 0.25, 1),
        ("UNKNOWN", "UNKNOWN", 1, 0.25, 0),
    ]


def test_a_week_ahead_begins_on_its_monday(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-23 23:59"),
        *meeting("b", "2025-03-24 00:00", minutes=45),
        *meeting("c", "2025-03-30 23:00", agent_id=None),
        *meeting("d", "2025-03-25 14:00", canceled="2025-03-01 09:00"),
        *meeting("e", "2025-03-19 14:00"),  # has taken place
    )
    assert ask("how_many_meetings_are_ahead_in_each_week", warehouse) == [
        (on("2025-03-17"), 1, 0, 0.5),
        (on("2025-03-24"), 2, 1, 1.25),
    ]


def test_days_are_full_by_their_hours_and_days_without_meetings_are_none(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-19 09:00", agent_id=7, minutes=60),
        *meeting("b", "2025-03-19 14:00", agent_id=7, minutes=60),
        *meeting("c", "2025-02-20 09:00", agent_id=7, minutes=60),  # 28 days ago
        *meeting("d", "2025-02-19 09:00", agent_id=7),
        *meeting("e", "2025-03-20 09:00", agent_id=7),  # today
        *meeting("f", "2025-03-18 09:00", agent_id=7, canceled="2025-03-01 09:00"),
        *meeting("g", "2025-03-18 09:00", agent_id=8),
        users=AGENTS,
    )
    assert ask("how_full_are_the_agents_days", warehouse) == [
        (7, "Agent 7", 2, 3, 1.5, 1.5),
        (8, "Agent 8", 1, 1, 1.0, 0.5),
    ]


def test_the_hour_of_a_booking_is_one_of_the_zone_of_days(given: Given) -> None:
    warehouse = given(
        *meeting("a", booked="2025-02-10 03:59"),  # Sunday, 22:59 in New York
        *meeting("b", booked="2025-02-10 14:00"),
        *meeting("c", booked="2025-02-17 14:59"),
        time_zone="America/New_York",
    )
    assert ask("when_do_visitors_book", warehouse) == [(1, 9, 2), (7, 22, 1)]
