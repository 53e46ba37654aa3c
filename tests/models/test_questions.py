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
    return {"id": number, "company": company, "email": email}


def test_there_are_twenty_five_questions() -> None:
    assert len(QUESTIONS) == 25


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_a_question_begins_with_itself_and_is_answered_in_eight_lines(question: str) -> None:
    first, *query = QUESTIONS[question].splitlines()
    asked = re.fullmatch(r"-- ([A-Z][^?]*)\?( [A-Z].*\.)?", first)
    assert asked
    assert question == re.sub(r"[^a-z0-9]+", "_", asked[1].lower().replace("'", ""))
    assert len(query) <= 8


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_a_question_reads_what_analysts_may_read(question: str) -> None:
    tables = duckdb.get_table_names(QUESTIONS[question], qualified=True)
    assert {table.split(".")[0] for table in tables} == {"bookings"}


def test_every_question_is_asked_here() -> None:
    asked = re.findall(r'\bask\("(\w+)"', Path(__file__).read_text("utf-8"))
    assert sorted(asked) == sorted(QUESTIONS)


def test_who_books_most_is_told_by_the_last_28_days(given: Given) -> None:
    warehouse = given(
        *meeting("a", agent_id=7, booked="2025-02-21 00:00"),
        *meeting("b", agent_id=7, booked="2025-03-20 15:00"),
        *meeting("c", agent_id=8, booked="2025-03-01 09:00"),
        *meeting("d", agent_id=8, booked="2025-02-20 23:59"),
        *meeting("e", agent_id=8, booked="2025-01-24 00:00"),
        *meeting("f", agent_id=8, booked="2025-01-23 23:59"),  # before both spans
        *meeting("g", agent_id=9, booked="2025-02-20 09:00"),  # none lately
        *meeting("h", agent_id=None, booked="2025-03-01 09:00"),
        users=AGENTS,
        teams={1: [7]},
        syncs=KNOWN_SINCE_WINTER,
    )
    assert ask("who_books_most", warehouse) == [
        (7, "Agent 7", "Team 1", 2, None),
        (8, "Agent 8", None, 1, -0.5),
        (None, "Unassigned", None, 1, None),
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
        (on("2025-03-01"), 7, "Agent 7", 2, 0.5),
        (on("2025-03-01"), 8, "Agent 8", 1, 0.0),
        (on("2025-02-01"), 7, "Agent 7", 1, 1.0),
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


def test_an_agent_is_double_booked_where_a_meeting_starts_during_another(given: Given) -> None:
    warehouse = given(
        *meeting("a", "2025-03-21 10:00", agent_id=7, minutes=60),
        *meeting("b", "2025-03-21 10:59", agent_id=7),
        *meeting("c", "2025-03-20 09:00", agent_id=8),
        *meeting("d", "2025-03-20 09:00", agent_id=8),
        *meeting("e", "2025-03-19 09:00", agent_id=9),  # the past
        *meeting("f", "2025-03-19 09:00", agent_id=9),
        *meeting("g", "2025-03-22 09:00", agent_id=9),  # back to back
        *meeting("h", "2025-03-22 09:30", agent_id=9),
        *meeting("i", "2025-03-22 09:45", agent_id=9, canceled="2025-03-01 09:00"),
        users=AGENTS,
    )
    assert ask("who_is_double_booked", warehouse) == [
        (on("2025-03-20"), 8, "Agent 8", 2),
        (on("2025-03-21"), 7, "Agent 7", 1),
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
        *meeting("f", scheduler_id=504),  # no longer listed
        listed=["a", "b", "c", "d", "e"],
    )
    assert ask("how_many_book_again_after_canceling", warehouse) == [
        ("all", 3, 1, 1 / 3),
        ("LINK", 1, 1, 1.0),
        ("WIDGET", 2, 0, 0.0),
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
        (NOW, 6.5, on("2025-02-19"), 1, 4, 1, 0.75, 0.25)
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
        (1, 15, 2, 0.5),
        (1, 0, 1, 0.0),
        (1, 10, 1, 0.0),
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
        ("0-1 days", 2, 2, 0.5),
        ("2-7 days", 1, 1, 0.0),
        ("8-21 days", 1, 1, 1.0),
        ("over 21 days", 1, 0, None),
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
        (7, "Agent 7", 2, 2, 0.5),
        (8, "Agent 8", 1, 1, 1.0),
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
        (on("2025-03-03"), 2, 0.5),
        (on("2025-03-10"), 3, 1 / 3),
    ]
