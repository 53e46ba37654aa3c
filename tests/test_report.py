"""The booking report, as a browser shows it: the tables' numbers, and nothing but this file."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from fake_drift.server import People, Person
from report import check_report, render, write_report
from report.numbers import find_numbers
from tests.conftest import ROOT, Project, made_once, meeting, milliseconds
from tests.hostile import HostileDrift
from warehouse.destination import open_demo
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
    """Three on Tuesday of next week, two of them at once; one on Wednesday that nobody has."""
    tuesday, wednesday = next_week(1, 10), next_week(2, 10)
    given = [(103, tuesday), (103, tuesday + HOUR // 2), (103, tuesday + 3 * HOUR)]
    return [
        booked(
            151 + n,
            agentId=agent,
            slotStart=start,
            slotEnd=start + HOUR,
            status="ACTIVE",
        )
        for n, (agent, start) in enumerate([*given, (None, wednesday)])
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
METRICS = ("bookings", "due", "due, canceled", "cancel rate", "rescheduled")
GROUPS = {
    "agents": (
        "agent",
        "coalesce(agent_name, 'Unassigned')"
        " || case when agent_name = 'Agent 3' then ' (' || agent_id || ')' else '' end",
    ),
    "sources": (
        "source",
        "case meeting_source when 'WIDGET' then 'Widget (WIDGET)' when 'UNKNOWN' then 'Not known'"
        " when 'EMAIL_DROP' then 'Email drop (EMAIL_DROP)' else meeting_source end",
    ),
    "types": ("meeting_type", "replace(meeting_type, 'UNKNOWN', 'Not known')"),
    "teams": ("team", "replace(team_name, 'UNKNOWN', 'No team')"),
    "playbooks": ("playbook", "replace(playbook_name, 'UNKNOWN', 'No playbook known')"),
}


def test_over_all_days_the_numbers_are_those_of_the_marts(reports: Reports, shown: Opened) -> None:
    query = reports.query
    shown.at("#period=all")
    for section, (dimension, name) in GROUPS.items():
        axis = "type" if dimension == "meeting_type" else dimension
        assert sorted(shown.table(section, axis, *METRICS)) == query(
            f"select {name} as name, bookings, due_meetings, due_canceled_meetings, cancel_rate,"
            f" rescheduled_meetings from bookings.bookings_by_{dimension} order by name"
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
    assert shown.table("lead", "days ahead", "bookings", "due", "cancel rate") == query(
        "select lead_time_bucket, bookings, due_meetings, cancel_rate"
        " from bookings.lead_time_buckets order by bucket_number"
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
            "select canceled_meetings + delisted_meetings, rebooked_meetings"
            " from bookings.booking_metrics where dimension = 'all'"
        )[0]
    )
    ((bookings, upcoming, late, rebooked),) = query(
        """
        select bookings::varchar, upcoming_meetings::varchar, late_cancel_rate, rebook_rate
        from bookings.booking_metrics where dimension = 'all'
        """
    )
    headlines = {name: number for name, (number, *_) in shown.headlines().items()}
    assert headlines["Bookings"] == bookings
    assert headlines["Upcoming meetings"] == upcoming
    assert headlines["Canceled late"] == late
    assert headlines["Booked again after canceling"] == rebooked
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
    shown.at(f"#from={from_on}&to={to_on}&team=1&type=Demo")
    assert shown.words("#shown") == f"Shown: {from_on} to {to_on}, East, Demo."
    where = "agent_id in (100, 101, 102) and meeting_type = 'Demo'"
    in_days = f"between '{from_on}' and '{to_on}'"
    due = f"is_due and meeting_on {in_days}"
    expected = query(
        f"""
        select {GROUPS["agents"][1]} as name, count(*) filter (booked_on {in_days}) as bookings,
            count(*) filter ({due}) as due_meetings,
            count(*) filter ({due} and is_canceled) as due_canceled_meetings, {CANCEL_RATE},
            count(*) filter (booked_on {in_days} and is_rescheduled)
        from bookings.meetings where {where} and (booked_on {in_days} or ({due}))
        group by name order by name
        """
    )
    assert sorted(shown.table("agents", "agent", *METRICS)) == expected
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


def test_next_week_shows_who_is_double_booked_and_fairness_is_that_of_the_team(
    reports: Reports, shown: Opened
) -> None:
    query = reports.query
    week = "date_trunc('week', today_on)::date + 7"
    expected = query(
        f"""
        select {GROUPS["agents"][1]} as name, sum(overlapping_meetings), sum(days.meetings)
        from bookings.agent_days as days cross join bookings.data_health
        join bookings.agents using (agent_id)
        where meeting_on between {week} and {week} + 6 and days.meetings > 0 group by name
        union all
        select 'Unassigned', 0, count(*) from bookings.meetings cross join bookings.data_health
        where agent_id is null and not is_lost and meeting_on between {week} and {week} + 6
        order by name
        """
    )
    ahead = sorted(shown.table("ahead", "agent", "double-booked", "meetings"))
    assert [row for row in ahead if row[2]] == expected
    doubles = {name: count for name, count, _ in expected if count}
    assert doubles["Agent 3 (103)"] >= 1
    said = shown.words("#short li >> nth=0")
    assert all(f"{name} ({count})" in said for name, count in doubles.items())
    listed = [row for row in shown.table("upcoming", "meeting", "double-booked") if row[1]]
    assert ("m152", "yes") in listed
    assert ("m151", "yes") not in listed

    assert shown.table("fairness", "team", "agent", "bookings", "share", "equal share") == query(
        f"""
        select team_name, {GROUPS["agents"][1]}, bookings_last_28_days,
            bookings_share, equal_share
        from bookings.team_distribution
        order by team_name, bookings_last_28_days desc, agent_id
        """
    )


def test_what_is_not_known_whole_is_compared_with_nothing(
    reports: Reports, browser: Browser, shown: Opened, tmp_path: Path
) -> None:
    query = reports.query
    ((known_from, today),) = query(
        "select complete_from_on::varchar, today_on::varchar from bookings.data_health"
    )
    assert f"Every booking is known since {known_from}" in shown.words("#as-of")
    assert "Visitors are known of 0 % of the meetings" in shown.words("#as-of")
    no_comparison = "no comparison: the days before are not known whole"
    assert shown.headlines()["Bookings"][2] == no_comparison
    assert shown.headlines()["Cancel rate"][2] == no_comparison
    shades = shown.page.eval_on_selector_all(
        "#weeks .mark-rect.layer_1_marks path", "all => all.map(p => getComputedStyle(p).opacity)"
    )
    assert set(shades) == {"1", "0.45"}
    shown.at(f"#from={known_from}&to={today}")
    assert "Not every booking" not in shown.words("#shown")
    shown.at("#period=91")
    assert "Not every booking of these days is known." in shown.words("#shown")

    with open_snapshot(reports.project.folder / "warehouse.duckdb") as ask:
        numbers = find_numbers(ask, ROOT / "sql")
    numbers["health"]["complete_days_ago"] = 400
    week, ago = (numbers["weeks"]["columns"].index(name) for name in ("is_complete", "days_ago"))
    for row in numbers["weeks"]["rows"]:
        row[week] = 6 < row[ago] <= 34  # Drift shows no older meetings
    page = tmp_path / "later.html"
    page.write_text(render(numbers), "utf-8")
    ((last, prior),) = query(
        "select bookings_last_28_days, bookings_prior_28_days from bookings.booking_metrics"
        " where dimension = 'all'"
    )
    later = opened(browser, page)
    sign = "+" if last >= prior else "\u2212"
    change = f"{sign}{abs(100 * (last / prior - 1)):.0f} % to the 28 days before"
    assert later.headlines()["Bookings"] == [str(last), "made in these days", change]
    monday = "date_trunc('week', today_on)::date"
    grown = query(
        f"""
        select {GROUPS["sources"][1]} as name,
            count(*) filter (booked_on >= {monday} - 14) as newer,
            count(*) filter (booked_on < {monday} - 14) as older
        from bookings.meetings cross join bookings.data_health
        where booked_on >= {monday} - 28 and booked_on < {monday} group by name order by name
        """
    )
    assert sorted(later.table("trend", "source", "newer weeks", "weeks before")) == grown
    ((now, due),) = query(
        f"""
        select {ratio("count(*) filter (is_canceled)", "count(*)")}, count(*)
        from bookings.meetings cross join bookings.data_health
        where meeting_on >= {monday} - 14 and meeting_on < {monday}
        """
    )
    said = later.words("#short li >> nth=1")
    assert f"{now} of {due} meetings due in the last 2 complete weeks" in said
    assert "points can be chance" in said

    numbers["gaps"]["rows"] = [["2026-01-01 00:00", "2026-01-05 00:00", 30, 29]]
    page.write_text(render(numbers), "utf-8")
    later.page.reload()
    later.page.wait_for_selector("body[data-shown]")
    assert later.headlines()["Bookings"][2] == no_comparison
    later.page.close()


def test_a_view_can_be_sent_and_a_click_on_a_bar_filters(reports: Reports, shown: Opened) -> None:
    page = shown.page
    page.click("#sources .mark-rect path >> nth=1")
    page.wait_for_selector("body[data-shown]:not([data-shown=all])")
    name = page.get_attribute("body", "data-shown") or ""
    assert shown.table("sources", "source") == [(name,)]
    page.select_option("select[name=agent]", label="Agent 3 (103)")
    page.wait_for_selector("body[data-shown*=Agent]")
    address = page.evaluate("location.hash")
    assert "agent=103" in address
    assert "source=" in address
    found = shown.table("agents", "agent", *METRICS)
    assert [agent for agent, *_ in found] == ["Agent 3 (103)"]
    shown.at("")
    assert len(shown.table("agents", "agent")) > 1
    shown.at(address)
    assert shown.table("agents", "agent", *METRICS) == found
    page.click("#sources .mark-rect path >> nth=0")  # once more, and all are shown again
    page.wait_for_selector('body[data-shown="Agent 3 (103)"]')
    page.click("#weeks .mark-rect.layer_1_marks path:visible >> nth=-1")
    page.wait_for_selector("body[data-shown]")
    assert "from=" in page.evaluate("location.hash")
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
    reports: Reports, shown: Opened, tmp_path: Path
) -> None:
    page = shown.page
    shown.at("#period=all")
    assert page.inner_text("#upcoming .rows") in {"Show 20 rows", f"Show all {listed(shown)} rows"}
    page.click("#agents summary")
    for _ in range(2):
        page.click("#agents th >> nth=1 >> button")
    assert page.get_attribute("#agents th >> nth=1", "aria-sort") == "ascending"
    counts = [count for (count,) in shown.table("agents", "bookings")]
    assert counts == sorted(counts)
    with page.expect_download() as download:
        page.evaluate("document.querySelector('#types .csv').click()")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "bookings-types.csv"
    head, *rows = list(csv.reader(file.read_text("utf-8").splitlines()))
    assert head[:2] == ["type", "bookings"]
    shown_rows = shown.table("types", "type", "bookings")
    assert [(name, int(count)) for name, count, *_ in rows] == shown_rows
    assert shown.noises == [noise for noise in shown.noises if noise.startswith("request: blob:")]
    shown.noises.clear()


def listed(shown: Opened) -> str:
    return f"{len(shown.table('upcoming', 'meeting')):,}"


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
    assert len(model.text.splitlines()) <= 90


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
    assert said == "2 canceled, 1 booked, 1 reassigned, 1 rescheduled, unfiltered."


def test_what_drift_sent_is_text_wherever_it_stands(reports: Reports, shown: Opened) -> None:
    options = shown.page.eval_on_selector_all("option", "all => all.map(o => o.textContent)")
    assert {EVIL, EVIL_SOURCE} <= set(options)
    shown.page.hover("#types .mark-rect path >> nth=0")
    tooltip = shown.page.wait_for_selector("#vg-tooltip-element.visible")
    assert tooltip
    assert EVIL in tooltip.inner_text() or "Demo" in tooltip.inner_text()
    shown.page.hover("#sources .mark-rect path >> nth=1")
    assert shown.page.query_selector_all("img, main script") == []
    assert shown.noises == []
    page = reports.full.read_text("utf-8")
    (numbers,) = re.findall(r'type="application/json" id="numbers">(.*?)</script>', page)
    for private in (NOTE, "Asia/Kolkata", "9001", "visitor_email", "scheduler_id"):
        assert private not in numbers


def test_everyone_can_use_it_on_every_screen_and_on_paper(shown: Opened) -> None:
    page = shown.page
    colour = "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"
    bar, letters = "#agents .mark-rect path", "#agents .mark-text text"
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
    for chart in charts:
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label") or "") > 20
    page.focus("select[name=source]")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("body[data-shown]:not([data-shown=all])")
    ticks = page.eval_on_selector_all(
        ":is(#late, #agents, #weeks) .role-axis-label text",
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
    gap = ["2026-01-01 00:00", "2026-01-05 00:00", 30, 29]
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
    database = reports.project.folder / ".dlt" / ".var" / "pipeline.duckdb"
    snapshot = reports.project.folder / "warehouse.duckdb"
    with (
        open_snapshot(snapshot) as ask,
        open_tables(open_demo(database, tmp_path)) as ask_tables,
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
