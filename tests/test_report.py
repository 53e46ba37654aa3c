"""The booking report, as a browser shows it: the tables' numbers, and nothing but this file."""

import ast
import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from textwrap import dedent, indent
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from fake_drift.server import People, Person
from report import check_report, render, write_report
from report.numbers import Reader, find_numbers
from tests.conftest import ROOT, Demo, Project, made_once, meeting, milliseconds
from tests.hostile import HostileDrift
from warehouse.destination import demo_warehouse
from warehouse.errors import SettingError
from warehouse.models import Model, read_models
from warehouse.reading import open_snapshot, open_tables

HOUR = 3_600_000
ZONE = "America/New_York"
START = milliseconds(datetime.now(UTC))
EVIL = "<script>alert(1)</script>"
EVIL_SOURCE = "</script><img src=x onerror=alert(2)>"
REPORT_MODELS = [model for model in read_models(ROOT / "sql") if model.folder == "report"]
NOTE = "A note that no report shows."
STATES = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")

CONVERSATIONS: list[Person] = [
    {
        "id": 5_000 + number,
        "contactId": 1,
        "status": "closed",
        "createdAt": START - (2 + number % 60) * 24 * HOUR,
        "updatedAt": START - (2 + number % 60) * 24 * HOUR,
        "relatedPlaybookId": 1,
    }
    for number in range(160)
    if number % 3
]
PEOPLE = People(
    # Two are called the same; the last is of no team, and the third of both.
    users=[{"id": 100 + n, "name": f"Agent {min(n, 3)}"} for n in range(5)],
    teams=[
        {"id": 1, "name": "East", "members": [100, 101, 102]},
        {"id": 2, "name": "West", "members": [102, 103]},
    ],
    playbooks=[{"id": 1, "name": "A playbook"}],
    conversations=lambda: CONVERSATIONS,
)


def booked(number: int, **attributes: object) -> Any:
    """One of some meetings that differ in all that the report shows."""
    booked_at = START - (1 + number % 60) * 24 * HOUR
    start = booked_at + (number % 37) * 24 * HOUR
    given: dict[str, object] = {
        "agentId": None if number % 11 == 0 else 100 + number % 5,
        "meetingSource": (None, "WIDGET", EVIL_SOURCE, "EMAIL_DROP")[number % 4],
        "meetingType": (EVIL, "Demo", None)[number % 3],
        "status": ("CANCELED", "CANCELLED")[number % 2] if number % 6 < 2 else "ACTIVE",
        "slotStart": start,
        "slotEnd": start + HOUR,
        "scheduledAt": booked_at,
        "updatedAt": min(booked_at + number % 5 * 24 * HOUR, START),
        "bookedBy": None if number % 2 else 12,
        "schedulerId": 9_000 + number % 90,
        "conversationId": 5_000 + number if number % 3 else None,
        "meetingNotes": NOTE,
        "endUserTimeZone": "Mars/Olympus" if number % 9 == 0 else "Asia/Kolkata",
    }
    return meeting(f"m{number}", **(given | attributes))


def next_week(day: int, hour: int) -> int:
    """A moment in the week after this one, by the report's zone."""
    today = datetime.now(ZoneInfo(ZONE)).replace(minute=0, second=0, microsecond=0)
    return milliseconds(today.replace(hour=hour) + timedelta(days=7 + day - today.weekday()))


def double_booked() -> list[Any]:
    """Three on Tuesday of next week, two of them at once; one on Wednesday that nobody has.

    And tomorrow as well: two at once, and one that nobody has.
    """
    tuesday, wednesday = next_week(1, 10), next_week(2, 10)
    tomorrow = START + 24 * HOUR
    given = [(103, tuesday), (103, tuesday + HOUR // 2), (103, tuesday + 3 * HOUR)]
    given += [(100, tomorrow), (100, tomorrow + HOUR // 4)]
    return [
        booked(
            151 + n,
            agentId=agent,
            slotStart=start,
            slotEnd=start + HOUR,
            status="ACTIVE",
        )
        for n, (agent, start) in enumerate([*given, (None, wednesday), (None, tomorrow)])
    ]


@dataclass(frozen=True)
class Reports:
    """A file published when nothing was booked; the report of what came, and changed, since."""

    project: Project
    empty: Path
    full: Path

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """The published tables' rows, fractions as the page writes them."""
        return [tuple(percent(value) for value in row) for row in self.project.query(text)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return made_once(tmp_path_factory, "report", make_reports)


def make_reports(folder: Path) -> Reports:
    project = Project.copied_to(folder)
    with HostileDrift([], people=PEOPLE) as server:
        project.environment |= {
            "SOURCES__DRIFT__BASE_URL": server.url,
            "SOURCES__DRIFT__ACCESS_TOKEN": server.token,
            "SOURCES__DRIFT__CONTACTS": "false",
            "BOOKINGS__TIME_ZONE": ZONE,
        }
        project.run()
        # Of its own: copies are removed as newer ones come.
        empty = Path(
            shutil.copy(project.folder / "warehouse.duckdb", project.home / "empty.duckdb")
        )
        server.set_meetings([*(booked(n) for n in range(150)), *double_booked()])
        project.run()
        later = milliseconds(datetime.now(UTC))
        changed: dict[int, dict[str, object]] = {
            3: {"status": "CANCELED"},
            4: {"slotStart": later},
            5: {"agentId": 104},
        }
        server.set_meetings(
            [
                *(
                    booked(n, updatedAt=later, **changed[n]) if n in changed else booked(n)
                    for n in range(151)
                ),
                *double_booked(),
            ]
        )
        project.run(BOOKINGS__REPORT="bookings.html")
    return Reports(project, empty, project.folder / "bookings.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # The sandbox of a browser that root starts needs rights that containers seldom have.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(frozen=True)
class Opened:
    """A page that is shown, and all that it asked for, said or popped up meanwhile."""

    page: Page
    noises: list[str]

    def at(self, address: str) -> None:
        """Goes to what the address asks for."""
        script = """address => {
            delete document.body.dataset.shown;
            if (location.hash === address) dispatchEvent(new Event("hashchange"));
            else location.hash = address;
        }"""
        self.page.evaluate(script, address)
        self.page.wait_for_selector("body[data-shown]")

    def table(self, section: str, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of all rows of a section's table, hidden or not; counts as numbers."""
        script = """section => {
            const more = section.querySelector(".rows");
            if (more.textContent.startsWith("Show all")) more.click();
            const rows = [...section.querySelectorAll("tr")];
            return rows.map(row => [...row.cells].map(cell => cell.textContent));
        }"""
        head, *rows = self.page.eval_on_selector(f"#{section}", script)
        places = [head.index(column) for column in columns]
        return [tuple(plain(row[place]) for place in places) for row in rows]

    def headlines(self) -> dict[str, list[str]]:
        """The number and the words below each name at the top."""
        script = "all => all.map(cell => [...cell.children].map(each => each.textContent))"
        found = self.page.eval_on_selector_all("#headline div", script)
        return {name: [str(plain(words)) for words in rest] for name, *rest in found}

    def words(self, selector: str) -> str:
        return self.page.inner_text(selector).replace("\u00a0", " ")


def plain(text: str) -> str | int:
    """A count, or words."""
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() else text.replace("\u00a0", " ")


def opened(browser: Browser, report: Path, **options: Any) -> Opened:
    page, noises = browser.new_page(**options), list[str]()
    page.on("console", lambda message: noises.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: noises.append(f"error: {error}"))
    page.on("dialog", lambda dialog: noises.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: noises.append(f"request: {request.url}"))
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-shown]")
    assert noises.pop(0) == f"request: {report.as_uri()}"
    return Opened(page, noises)


@pytest.fixture(scope="module")
def full(reports: Reports, browser: Browser) -> Opened:
    return opened(browser, reports.full)


@pytest.fixture
def shown(full: Opened) -> Opened:
    """The report, as it is before somebody chooses anything."""
    full.at("")
    return full


def ratio(part: str, of: str) -> str:
    """SQL for a part, as a fraction."""
    return f"({part}) / nullif({of}, 0)"


def percent(value: Any) -> Any:
    """A fraction in the words of the page, which rounds half up; all else as it is."""
    if value is None:
        return "\u2013"
    if not isinstance(value, float):
        return value
    return f"{Decimal(100 * value).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


CANCEL_RATE = ratio("due_canceled_meetings", "due_meetings")
METRICS = ("bookings", "due", "due, canceled", "cancel rate")
GROUPS = {
    "agent": (
        "agent",
        "coalesce(agent_name, 'Unassigned')"
        " || case when agent_name = 'Agent 3' then ' (' || agent_id || ')' else '' end",
    ),
    "source": (
        "source",
        "case meeting_source when 'WIDGET' then 'Widget (WIDGET)' when 'UNKNOWN' then 'Not known'"
        " when 'EMAIL_DROP' then 'Email drop (EMAIL_DROP)' else meeting_source end",
    ),
    "meeting_type": ("meeting_type", "replace(meeting_type, 'UNKNOWN', 'Not known')"),
    "team": ("team", "replace(team_name, 'UNKNOWN', 'No team')"),
    "playbook": ("playbook", "replace(playbook_name, 'UNKNOWN', 'No playbook known')"),
}


def test_over_all_days_the_numbers_are_those_of_the_marts(reports: Reports, shown: Opened) -> None:
    query = reports.query
    shown.at("#period=all")
    for section, (dimension, name) in GROUPS.items():
        axis = "type" if dimension == "meeting_type" else dimension
        assert sorted(shown.table(section, axis, *METRICS)) == query(
            f"select {name} as name, bookings, due_meetings, due_canceled_meetings, cancel_rate"
            f" from bookings.bookings_by_{dimension} order by name"
        ), section
    states = ", ".join(f"{state}_meetings" for state in STATES)
    words = [state.replace("_", " ") for state in STATES]
    weeks = shown.table("weeks", "week from", "bookings", *words, "complete")
    assert weeks == query(
        f"select week_start_on::varchar, bookings, {states}, if(is_complete, 'yes', 'no')"
        " from bookings.weekly_bookings order by week_start_on desc"
    )
    assert {complete for *_, complete in weeks} == {"yes", "no"}
    assert weeks[0][-1] == "no"  # this week
    assert shown.table("lead_time", "days ahead", "bookings", "due", "cancel rate") == query(
        "select lead_time_bucket, bookings, due_meetings, cancel_rate"
        " from bookings.lead_time_buckets where bookings > 0 order by bucket_number"
    )
    assert sorted(shown.table("hours", "weekday", "hour", "bookings")) == query(
        """
        select coalesce(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][local_weekday],
                'not known') as weekday,
            coalesce(format('{:02}:00', local_hour), '') as hour, bookings
        from bookings.booking_hours order by weekday, hour
        """
    )
    lost = shown.table("lost", "canceled or delisted", "booked again")
    assert [sum(column) for column in zip(*lost, strict=True)] == list(
        query(
            "select settled_losses, settled_rebooked_meetings"
            " from bookings.booking_metrics where dimension = 'all'"
        )[0]
    )
    ((bookings, upcoming, late, rebooked, rescheduled),) = query(
        """
        select bookings::varchar, upcoming_meetings::varchar, late_cancel_rate, rebook_rate,
            reschedule_rate
        from bookings.booking_metrics where dimension = 'all'
        """
    )
    headlines = {name: number for name, (number, *_) in shown.headlines().items()}
    assert headlines["Bookings"] == bookings
    assert headlines["Upcoming meetings"] == upcoming
    assert headlines["Canceled late"] == late
    assert headlines["Booked again after canceling"] == rebooked
    assert headlines["Rescheduled"] == rescheduled
    assert shown.noises == []


def test_what_is_chosen_is_counted_by_the_day_of_booking_or_of_the_start(
    reports: Reports, shown: Opened
) -> None:
    query = reports.query
    ((from_on, to_on, last, prior),) = query(
        "select (today_on - 20)::varchar, (today_on - 3)::varchar, bookings_last_28_days,"
        " bookings_prior_28_days from bookings.booking_metrics cross join bookings.data_health"
        " where dimension = 'all'"
    )
    assert shown.headlines()["Bookings"][0] == str(last)
    assert prior > 0
    shown.at(f"#from={from_on}&to={to_on}&team=1&meeting_type=Demo")
    assert shown.words("#shown") == f"Shown: {from_on} to {to_on}, East, Demo."
    where = "agent_id in (100, 101, 102) and meeting_type = 'Demo'"
    in_days = f"between '{from_on}' and '{to_on}'"
    due = f"is_due and meeting_on {in_days}"
    expected = query(
        f"""
        select {GROUPS["agent"][1]} as name, count(*) filter (booked_on {in_days}) as bookings,
            count(*) filter ({due}) as due_meetings,
            count(*) filter ({due} and is_canceled) as due_canceled_meetings, {CANCEL_RATE}
        from bookings.meetings where {where} and (booked_on {in_days} or ({due}))
        group by name order by name
        """
    )
    assert sorted(shown.table("agent", "agent", *METRICS)) == expected
    ((due_all, canceled_all),) = query(
        f"select count(*) filter ({due}), count(*) filter ({due} and is_canceled)"
        f" from bookings.meetings where {where}"
    )
    assert shown.headlines()["Cancel rate"][1] == f"{canceled_all} of {due_all} due meetings"
    rates = shown.table("rates", "week from", "due", "canceled")
    assert [row for row in rates if row[1]] == query(
        f"""
        select date_trunc('week', meeting_on)::date::varchar as week, count(*),
            count(*) filter (is_canceled)
        from bookings.meetings where {where} and is_due group by week order by week desc
        """
    )


def test_next_week_shows_who_is_in_conflict_and_fairness_is_that_of_the_team(
    reports: Reports, shown: Opened
) -> None:
    query = reports.query
    week = "date_trunc('week', today_on)::date + 7"
    expected = query(
        f"""
        select {GROUPS["agent"][1]} as name, sum(overlapping_meetings), sum(days.meetings)
        from bookings.agent_days as days cross join bookings.data_health
        join bookings.agents using (agent_id)
        where meeting_on between {week} and {week} + 6 and days.meetings > 0 group by name
        union all
        select 'Unassigned', 0, count(*) from bookings.meetings cross join bookings.data_health
        where agent_id is null and not is_lost and meeting_on between {week} and {week} + 6
        order by name
        """
    )
    ahead = shown.table("ahead", "agent", "in conflict", "meetings")
    assert ahead[0][0] == "Unassigned"  # what somebody has to do comes first
    assert sorted(row for row in ahead if row[2]) == expected
    assert {name: count for name, count, _ in expected}["Agent 3 (103)"] >= 1

    assert shown.table("fairness", "team", "agent", "bookings", "share", "equal share") == query(
        f"""
        select team_name, {GROUPS["agent"][1]}, bookings_last_28_days,
            bookings_share, equal_share
        from bookings.team_distribution
        order by team_name, bookings_last_28_days desc, agent_id
        """
    )


def test_today_comes_first_and_none_of_its_rows_is_cut_off(reports: Reports, shown: Opened) -> None:
    query = reports.query
    local = f"strftime(timezone('{ZONE}', {{}}), '%-d %b, %H:%M')"
    is_soon = "meeting_on <= today_on + 1"
    unassigned = query(
        f"""
        select {local.format("slot_start_at")}, meeting_id, {is_soon}
        from bookings.meetings cross join bookings.data_health
        where agent_id is null and meeting_state in ('upcoming', 'in_progress')
        order by slot_start_at, meeting_id
        """
    )
    assert shown.table("unassigned", "start", "meeting") == [row[:2] for row in unassigned]
    pairs = query(
        f"""
        select agent_id::varchar, round(overlap_minutes)::bigint, meeting_id, other_meeting_id,
            {is_soon} from bookings.agent_conflicts cross join bookings.data_health
        where meeting_on <= date_trunc('week', today_on)::date + 13
        order by slot_start_at, meeting_id, other_meeting_id
        """
    )
    listed = shown.table("conflicts", "minutes", "one meeting", "the other")
    assert [(minutes, *(one.split()[-1] for one in two)) for minutes, *two in listed] == [
        row[1:4] for row in pairs
    ]
    ((tomorrow_s,),) = query(
        f"select {local.format('slot_start_at')} from bookings.meetings where meeting_id = 'm155'"
    )
    ((minutes, one, other),) = (
        row for row in listed if [each.split()[-1] for each in row[1:]] == ["m155", "m154"]
    )
    assert minutes == 45
    assert one.startswith(tomorrow_s.partition(", ")[2])
    assert other.split()[0] != one.split()[0]
    for section, rows in (("unassigned", unassigned), ("conflicts", pairs)):
        marked = shown.page.query_selector_all(f"#{section} td.marked")
        assert len(marked) == sum(row[-1] for row in rows)
    late = query(
        f"""
        select meeting_id from bookings.meetings cross join bookings.data_health
        where is_late_canceled and timezone('{ZONE}', canceled_at)::date >= today_on - 1
        order by canceled_at desc, meeting_id
        """
    )
    assert shown.table("late", "meeting") == late
    assert ("m3",) in late
    busy = query(
        f"""
        with days as (select *, today_on - meeting_on as ago
            from bookings.agent_days cross join bookings.data_health where agent_days.meetings > 0)
        select {GROUPS["agent"][1]} as name,
            coalesce(sum(days.meetings) filter (ago = 0), 0)::bigint,
            coalesce(sum(days.meetings) filter (ago = -1), 0)::bigint,
            round(avg(days.meetings) filter (ago between 1 and 28), 1)::varchar
        from days join bookings.agents using (agent_id)
        group by name having count(*) filter (ago in (0, -1)) > 0 order by name
        """
    )
    found = sorted(shown.table("busy", "agent", "today", "tomorrow", "usual"))
    assert found == busy
    today, better, help_ = (shown.words(f"#short section >> nth={n}") for n in range(3))
    assert "tomorrow; the first at" in today
    assert f"Canceled late since yesterday: {len(late)}." in today
    assert "Cancel rate: " in better
    assert "Conflicts in the next 7 days: " in help_
    shown.at("#agent=103")
    assert shown.words("#unassigned .scroll") == "None."
    assert {agent for (agent,) in shown.table("conflicts", "agent")} == {"Agent 3 (103)"}


def change(newer: int, older: int, days: int) -> str:
    """The words below a count: its change, and whether chance explains it."""
    percents = round(100 * (newer / older - 1))
    sign = "+" if percents > 0 else "\u2212" if percents < 0 else ""
    clear = abs(newer - older) > 1.96 * (newer + older) ** 0.5
    return (
        f"{sign}{abs(100 * (newer / older - 1)):.0f} %, {'more than' if clear else 'can be'} chance"
        f" ({days} days to yesterday against the {days} before)"
    )


def test_whole_days_are_compared_as_far_as_they_are_known(
    reports: Reports, browser: Browser, shown: Opened, tmp_path: Path
) -> None:
    query = reports.query
    ((known_from, today),) = query(
        "select complete_from_on::varchar, today_on::varchar from bookings.data_health"
    )
    assert f"Every booking is known since {known_from}" in shown.words("#as-of")
    assert "Visitors are known of 0 % of the meetings" in shown.words("#as-of")
    ((newer, older),) = query(
        """
        select count(*) filter (today_on - booked_on between 1 and 14),
            count(*) filter (today_on - booked_on between 15 and 28)
        from bookings.meetings cross join bookings.data_health
        """
    )
    assert shown.headlines()["Bookings"][2] == change(newer, older, 14)
    assert shown.headlines()["Rescheduled"][2] == f"history since {today}"
    shown.at("#period=all")
    fills = shown.page.eval_on_selector_all(
        "#weeks .mark-rect:not(.layer_0_marks) path", "all => all.map(p => p.getAttribute('fill'))"
    )
    assert {"transparent"} < set(fills)  # the weeks that are not known whole
    shown.at(f"#from={known_from}&to={today}")
    assert "Not every booking" not in shown.words("#shown")
    shown.at("#period=91")
    assert "Not every booking of these days is known." in shown.words("#shown")

    with open_snapshot(reports.project.folder / "warehouse.duckdb") as ask:
        numbers = find_numbers(ask, ROOT / "sql")
    numbers["health"]["complete_days_ago"] = 400
    page = tmp_path / "later.html"
    page.write_text(render(numbers), "utf-8")
    ((last, prior),) = query(
        "select bookings_last_28_days, bookings_prior_28_days from bookings.booking_metrics"
        " where dimension = 'all'"
    )
    later = opened(browser, page)
    assert later.headlines()["Bookings"][2] == change(last, prior, 28)
    grown = query(
        f"""
        select {GROUPS["source"][1]} as name, bookings_last_28_days, bookings_prior_28_days,
            if(abs(bookings_last_28_days - bookings_prior_28_days)
                > 1.96 * sqrt(bookings_last_28_days + bookings_prior_28_days),
                'more than chance', 'can be chance')
        from bookings.bookings_by_source order by name
        """
    )
    assert sorted(later.table("growth", "source", "bookings", "before", "chance?")) == grown
    ((now, due),) = query(
        f"""
        select {ratio("count(*) filter (is_canceled)", "count(*)")}, count(*)
        from bookings.meetings cross join bookings.data_health
        where today_on - meeting_on between 1 and 28
        """
    )
    assert f"{now}, before " in later.words("#short section >> nth=1")
    assert later.headlines()["Cancel rate"][1].endswith(f" of {due} due meetings")

    from_day, to_day = (
        numbers["gaps"]["columns"].index(f"{end}_days_ago") for end in ("from", "to")
    )
    gap: list[Any] = [None] * len(numbers["gaps"]["columns"])
    gap[from_day], gap[to_day] = 10, 9
    numbers["gaps"]["rows"] = [gap]
    page.write_text(render(numbers), "utf-8")
    later.page.reload()
    later.page.wait_for_selector("body[data-shown]")
    assert later.headlines()["Bookings"][2] == "no days before are known whole"
    later.page.close()


def test_a_view_can_be_sent_and_a_click_on_a_bar_filters(reports: Reports, shown: Opened) -> None:
    page = shown.page
    page.click("#source .mark-rect path >> nth=1")
    page.wait_for_selector("body[data-shown]:not([data-shown=all])")
    name = page.get_attribute("body", "data-shown") or ""
    assert shown.table("source", "source") == [(name,)]
    page.select_option("select[name=agent]", label="Agent 3 (103)")
    page.wait_for_selector("body[data-shown*=Agent]")
    address = page.evaluate("location.hash")
    assert "agent=103" in address
    assert "source=" in address
    found = shown.table("agent", "agent", *METRICS)
    assert [agent for agent, *_ in found] == ["Agent 3 (103)"]
    shown.at("")
    assert len(shown.table("agent", "agent")) > 1
    shown.at(address)
    assert shown.table("agent", "agent", *METRICS) == found
    page.click("#source .mark-rect path >> nth=0")  # once more, and all are shown again
    page.wait_for_selector('body[data-shown="Agent 3 (103)"]')
    page.click("#weeks .mark-rect.layer_2_marks path:visible >> nth=-1")
    page.wait_for_selector("body[data-shown]")
    assert "from=" in page.evaluate("location.hash")
    assert page.inner_text("#reset") == "Back to 28 days, unfiltered"
    page.click("#reset")
    page.wait_for_selector("body[data-shown=all]")
    shown.at("#agent=4711")
    said = shown.words("#shown")
    assert said.endswith("Not in this report, and so not filtered by: agent 4711.")
    options = page.eval_on_selector_all(
        "select[name=agent] option", "all => all.map(one => one.textContent)"
    )
    assert options == ["all", *sorted(options[1:])]
    assert shown.noises == []


def test_tables_sort_and_download_and_say_what_they_do_not_show(
    shown: Opened, tmp_path: Path
) -> None:
    page = shown.page

    def downloaded(section: str) -> list[list[str]]:
        with page.expect_download() as download:
            page.evaluate(f"document.querySelector('#{section} .csv').click()")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.name == f"bookings-{section}.csv"
        return list(csv.reader(file.read_text("utf-8").splitlines()))

    shown.at("#period=all")
    every = len(shown.table("conflicts", "agent"))
    assert "Show " in (said := page.text_content("#conflicts .rows") or "")
    page.evaluate("document.querySelector('#conflicts .rows').click()")
    assert page.text_content("#conflicts .rows") == f"Show all {every} rows"
    few = len(page.query_selector_all("#conflicts tbody tr"))
    assert said == f"Show {few} rows"
    assert 5 <= few < every
    page.click("#agent summary")
    for _ in range(2):
        page.click("#agent th >> nth=1 >> button")
    assert page.get_attribute("#agent th >> nth=1", "aria-sort") == "ascending"
    counts = [count for (count,) in shown.table("agent", "bookings")]
    assert counts == sorted(counts)
    for _ in range(2):  # what is empty stands last, whichever way
        page.evaluate("document.querySelectorAll('#changes th button')[4].click()")
        before = [words for (words,) in shown.table("changes", "before")]
        assert before[-1] == ""
        assert before[0] != ""

    head, *rows = downloaded("meeting_type")
    assert head[:2] == ["type", "bookings"]
    assert [(name, int(count)) for name, count, *_ in rows] == shown.table(
        "meeting_type", "type", "bookings"
    )
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "not known"]
    numbered = [
        (str(weekdays.index(str(day)) + 1) if day != "not known" else day, hour)
        for day, hour in shown.table("hours", "weekday", "hour")
    ]
    assert [(day, hour) for day, hour, _ in downloaded("hours")[1:]] == numbered
    ahead = downloaded("ahead")
    days = [column for column in ahead[0] if column != "hours"]
    assert [tuple(row[ahead[0].index(day)] for day in days) for row in ahead[1:]] == [
        tuple(map(str, row)) for row in shown.table("ahead", *days)
    ]
    assert any("(1)" in cell for row in ahead for cell in row)
    assert shown.noises == [noise for noise in shown.noises if noise.startswith("request: blob:")]
    shown.noises.clear()


@pytest.mark.parametrize("model", REPORT_MODELS, ids=lambda model: model.name)
def test_the_models_of_the_report_are_as_their_headers_say(reports: Reports, model: Model) -> None:
    table = f"bookings_internal.{model.name}"
    described = reports.project.query(f"select column_name from (describe {table})")
    assert list(model.columns) == [name for (name,) in described]
    keys = ", ".join(model.grain) or "1"
    assert not reports.project.query(
        f"select {keys} from {table} group by {keys} having count(*) > 1"
    )
    for key, is_nullable in model.grain.items():
        assert is_nullable or not reports.project.query(f"from {table} where {key} is null")
    assert not any(name.startswith("drift.") for name in model.references)


def test_what_the_newest_run_brought_is_listed(shown: Opened) -> None:
    assert sorted(shown.table("changes", "what", "meeting")) == [
        ("booked", "m150"),
        ("canceled", "m150"),
        ("canceled", "m3"),
        ("reassigned", "m5"),
        ("rescheduled", "m4"),
    ]
    ((before, after),) = (
        row[1:] for row in shown.table("changes", "meeting", "before", "after") if row[0] == "m5"
    )
    assert (before, after) == ("Agent 0", "Agent 3 (104)")
    said = shown.words("#changes-counts")
    assert said == "2 canceled, 1 booked, 1 reassigned, 1 rescheduled."
    shown.at("#agent=104&source=WIDGET")
    assert shown.table("changes", "what", "meeting") == [("reassigned", "m5")]
    assert shown.words("#changes-counts") == "1 reassigned."


def test_what_drift_sent_is_text_wherever_it_stands(reports: Reports, shown: Opened) -> None:
    options = shown.page.eval_on_selector_all("option", "all => all.map(o => o.textContent)")
    assert {EVIL, EVIL_SOURCE} <= set(options)
    shown.page.hover("#meeting_type .mark-rect path >> nth=0")
    tooltip = shown.page.wait_for_selector("#vg-tooltip-element.visible")
    assert tooltip
    assert EVIL in tooltip.inner_text() or "Demo" in tooltip.inner_text()
    shown.page.hover("#source .mark-rect path >> nth=1")
    assert shown.page.query_selector_all("img, main script") == []
    assert shown.noises == []
    page = reports.full.read_text("utf-8")
    (numbers,) = re.findall(r'type="application/json" id="numbers">(.*?)</script>', page)
    for private in (NOTE, "Asia/Kolkata", "9001", "visitor_email", "scheduler_id"):
        assert private not in numbers


def test_a_dimension_or_metric_of_one_s_own_gets_into_it_by_a_line_and_not_without(
    demo: Demo, browser: Browser, tmp_path: Path
) -> None:
    words = (ROOT / "docs" / "models.md").read_text("utf-8")
    blocks = [dedent(block) for block in re.findall(r"```sql\n(.*?)```", words, re.S)]
    (branch,) = (block for block in blocks if "'company' as dimension" in block)
    (lines,) = (block for block in blocks if "company_key" in block)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    groups, facts = tmp_path / "sql/marts/meeting_groups.sql", tmp_path / "sql/report"
    groups.write_text(f"{groups.read_text()}\n{branch}", "utf-8")
    facts = facts / "report_facts.sql"
    published = shutil.copy(demo.project.folder / "demo.duckdb", tmp_path / "published.duckdb")
    page = tmp_path / "bookings.html"

    def companies(*names: str) -> int:
        """How many of the visitors' companies stand in a report that is made anew."""
        with duckdb.connect(str(published)) as connection:
            for model in read_models(tmp_path / "sql"):
                if model.name in names:
                    kind = "view" if model.is_view else "table"
                    connection.execute(
                        f"create or replace {kind} {model.dataset}.{model.name} as {model.text}"
                    )
            known = connection.execute("select distinct visitor_company from bookings.meetings")
            found = [name for (name,) in known.fetchall() if name]
        assert len(found) > 300
        with open_snapshot(Path(published)) as ask:
            write_report(ask, tmp_path / "sql", page)
        text = page.read_text("utf-8")
        assert "visitor-" not in text
        return sum(f'"{name}"' in text for name in found)

    assert companies("meeting_groups", "booking_metrics") == 0
    with duckdb.connect(str(published)) as connection:
        assert connection.sql(
            "select count(*) from bookings.booking_metrics where dimension = 'company'"
        ).fetchall() > [(300,)]

    text, above = facts.read_text("utf-8"), "    cast(\n        date_diff('day', date '0001-01-01'"
    assert text.count(above) == 1
    lines += "case when meetings.is_due and meetings.is_rebooked then 1 else 0 end\n"
    lines += "    as due_rebooked_meetings, -- another one, by the day of the start\n"
    facts.write_text(text.replace(above, f"{indent(lines, '    ')}{above}"), "utf-8")
    assert companies("report_facts") > 300
    shown = opened(browser, page)
    shown.at("#period=all&company=Company 0 Example")
    ask = demo.project.query
    assert shown.headlines()["Bookings"][0] == str(
        ask(
            "select count(*) from bookings.meetings where visitor_company = 'Company 0 Example'",
            "demo.duckdb",
        )[0][0]
    )
    shown.at("#period=all")
    ((count,),) = ask(
        "select count(*) from bookings.meetings where duration_minutes >= 45", "demo.duckdb"
    )
    assert shown.headlines()["Long meetings"][0] == str(count)
    assert sum(long for (long,) in shown.table("source", "long meetings")) == count
    ((rebooked, due),) = ask(
        "select count(*) filter (is_rebooked), count(*) from bookings.meetings where is_due",
        "demo.duckdb",
    )
    number, words, *_ = shown.headlines()["Due rebooked meetings"]
    assert (number, words.partition(" of ")[2]) == (str(rebooked), f"{due:,} due meetings")
    assert shown.noises == []
    shown.page.close()


def test_the_queries_of_the_page_in_streamlit_have_answers(demo: Demo) -> None:
    page = ast.parse((ROOT / "recipes" / "streamlit_bookings.py").read_text("utf-8"))
    texts = [node.value for node in ast.walk(page) if isinstance(node, ast.Constant)]
    queries = [text for text in texts if isinstance(text, str) and text.strip()[:7] == "select "]
    assert len(queries) == 6
    for query in queries:
        assert demo.project.query(query, "demo.duckdb"), query


def test_a_time_that_no_zone_can_tell_is_shown_in_utc() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    reader = Reader(lambda _: [], ZoneInfo(ZONE), {})
    assert reader.plain(first) == "0001-01-01 00:00"
    assert reader.plain(datetime(2026, 1, 1, tzinfo=UTC)) == "2025-12-31 19:00"


@pytest.mark.process
def test_everyone_can_use_it_on_every_screen_and_on_paper(shown: Opened) -> None:
    page = shown.page
    colour = "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"
    bar, letters = "#agent .mark-rect path", "#agent .mark-text text"
    wide = """[...document.querySelectorAll('main > *, section, svg')]
        .filter(each => each.getBoundingClientRect().right > innerWidth).length"""
    everything: dict[str, list[str]] = {}
    contrast = {"runOnly": ["color-contrast"]}  # which the width changes little
    for width, scheme, rules in (
        (390, "dark", everything),
        (390, "light", contrast),
        (1400, "light", everything),
        (1400, "dark", contrast),
    ):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        shown.at("")
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(wide) == 0
    assert page.evaluate(colour, ["body", "backgroundColor"]) == "rgb(20, 24, 30)"
    assert page.evaluate(colour, [bar, "fill"]) == "rgb(110, 168, 234)"
    assert page.evaluate(colour, [letters, "fill"]) == "rgb(230, 234, 240)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(colour, ["body", "backgroundColor"]) == "rgb(255, 255, 255)"
    assert page.evaluate(colour, [letters, "fill"]) == "rgb(0, 0, 0)"
    assert page.evaluate(colour, ["form", "display"]) == "none"
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) in range(1, 5)
    page.emulate_media(media="screen", color_scheme="light")

    assert page.get_attribute("html", "lang") == "en"
    charts = page.query_selector_all(".chart")
    assert len(charts) == 13
    assert len(page.query_selector_all("#hours .role-legend-symbol path[fill='var(--accent)']")) > 1
    for chart in charts:
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label") or "") > 20
    page.focus("select[name=source]")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("body[data-shown]:not([data-shown=all])")
    ticks = page.eval_on_selector_all(
        ":is(#late-agents, #agent, #weeks) .role-axis-label text",
        "all => all.map(tick => tick.textContent).filter(words => /^[\\d,.]+$/.test(words))",
    )
    assert ticks
    assert not any("." in tick for tick in ticks)  # there are no half meetings
    assert "ancelled" not in page.content().split("<script", 1)[0]


def test_nothing_gives_an_empty_report(reports: Reports, browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    with open_snapshot(reports.empty) as ask:
        write_report(ask, ROOT / "sql", page)
    shown = opened(browser, page)
    assert "0 meetings." in shown.words("#as-of")
    assert shown.headlines()["Bookings"][0] == "0"
    assert shown.words("#weeks .chart") == "Nothing."
    assert shown.noises == []
    numbers = find_numbers(lambda _: [], ROOT / "sql")
    gap = ["1", "2026-01-01 00:00", "2026-01-05 00:00", 30, 29]
    numbers["gaps"]["rows"] = [gap]
    numbers["warnings"] = [[f"Beware {EVIL}.", 3]]
    numbers["health"] = {"rejected": 4}
    page.write_text(render(numbers), "utf-8")
    shown = opened(browser, page)
    assert shown.words("#as-of") == "No run has read anything yet."
    assert shown.words("#health").splitlines() == [
        "A gap: meetings that took place from 2026-01-01 00:00 to 2026-01-05 00:00 were never seen"
        " whole.",
        f"Beware {EVIL}. (3)",
        "4 records of Drift's could not be read as meetings.",
    ]
    assert shown.noises == []


@pytest.mark.process
def test_the_command_writes_what_the_run_wrote_and_needs_no_token(
    reports: Reports, tmp_path: Path
) -> None:
    project = reports.project
    del project.environment["SOURCES__DRIFT__ACCESS_TOKEN"]
    done = project.run("--report", "again.html", cwd=tmp_path)
    assert done.stdout == f"report     {tmp_path / 'again.html'}\n"
    assert (tmp_path / "again.html").read_bytes() == reports.full.read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "again.html"]


def test_a_page_holds_so_many_bookings_and_eight_weeks_at_least(
    reports: Reports, tmp_path: Path
) -> None:
    database = tmp_path / "tables.duckdb"
    snapshot = reports.project.folder / "warehouse.duckdb"
    shutil.copy(snapshot, database)
    with (
        open_snapshot(snapshot) as ask,
        open_tables(demo_warehouse(database).open(tmp_path).sql_client()) as ask_tables,
    ):
        whole = find_numbers(ask, ROOT / "sql")
        assert find_numbers(ask_tables, ROOT / "sql") == whole  # as on other destinations
        assert json.dumps(whole)
    (span,) = (model for model in REPORT_MODELS if model.name == "report_span")
    with duckdb.connect(str(snapshot), read_only=True) as connection:

        def first_on(bookings: int, older: str) -> Any:
            booked = f"(select *, booked_week_on - {older} as moved from bookings.meetings)"
            text = span.text.replace("150000", str(bookings)).replace("booked_week_on", "moved")
            return connection.sql(text.replace("bookings.meetings", booked)).fetchall()[0][2]

        ((monday, oldest),) = connection.sql(
            "select date_trunc('week', today_on)::date, min(booked_week_on)"
            " from bookings.data_health cross join bookings.meetings group by all"
        ).fetchall()
        far = "if(meeting_id < 'm2', 700, 0)"
        assert first_on(150_000, "0") == oldest
        assert first_on(150_000, far) == monday - timedelta(days=364)
        assert first_on(10, far) == monday - timedelta(days=56)


def test_a_report_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bookings.html"
    path.write_text("the last one")

    def break_off(query: str) -> Any:
        raise OSError(query)

    with pytest.raises(OSError, match="select"):
        write_report(break_off, ROOT / "sql", path)
    assert [path.read_text(), len(list(tmp_path.iterdir()))] == ["the last one", 1]
    for wrong in (tmp_path, tmp_path / "not there" / "bookings.html"):
        with pytest.raises(SettingError, match=r"must be a file|is not there"):
            check_report(wrong)
    monkeypatch.setattr("report.NEEDED", ("not_installed_here",))
    with pytest.raises(SettingError, match=r"pip install '\.\[report\]'"):
        check_report(path)
