"""The booking report, as a browser shows it: the tables' numbers, and nothing but this file."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from report import check_report, render, write_report
from report.numbers import CUBES, find_numbers
from tests.conftest import ROOT, Project, meeting, milliseconds
from tests.hostile import HostileDrift
from warehouse.destination import open_demo
from warehouse.errors import SettingError
from warehouse.models import Model, read_models
from warehouse.reading import open_snapshot, open_tables

HOUR = 3_600_000
START = milliseconds(datetime.now(UTC))
EVIL = "<script>alert(1)</script>"
EVIL_SOURCE = "</script><img src=x onerror=alert(2)>"
REPORT_MODELS = [model for model in read_models(ROOT / "sql") if model.folder == "report"]
NOTE = "A note that no report shows."


def booked(number: int, **attributes: object) -> Any:
    """One of some meetings that differ in all that the report shows."""
    booked_at = START - (1 + number % 60) * 24 * HOUR
    start = booked_at + (number % 37) * 24 * HOUR
    given: dict[str, object] = {
        "agentId": None if number % 11 == 0 else 100 + number % 5,
        "meetingSource": (None, "WIDGET", EVIL_SOURCE, "LINK")[number % 4],
        "meetingType": (EVIL, "Demo", None)[number % 3],
        "status": "CANCELED" if number % 6 == 0 else "ACTIVE",
        "slotStart": start,
        "slotEnd": start + HOUR,
        "scheduledAt": booked_at,
        "updatedAt": booked_at,
        "bookedBy": None if number % 2 else 12,
        "meetingNotes": NOTE,
        "endUserTimeZone": "Mars/Olympus" if number % 9 == 0 else "Asia/Kolkata",
    }
    return meeting(f"m{number}", **(given | attributes))


@dataclass(frozen=True)
class Reports:
    """A file published when nothing was booked; the report of what came, and changed, since."""

    project: Project
    empty: Path
    full: Path


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    project = Project.copied_to(tmp_path_factory.mktemp("report"))
    with HostileDrift([]) as server:
        project.environment |= {
            "SOURCES__DRIFT__BASE_URL": server.url,
            "SOURCES__DRIFT__ACCESS_TOKEN": server.token,
            "BOOKINGS__TIME_ZONE": "America/New_York",
        }
        project.run()
        # Of its own: copies are removed as newer ones come.
        empty = Path(
            shutil.copy(project.folder / "warehouse.duckdb", project.home / "empty.duckdb")
        )
        server.set_meetings([booked(n) for n in range(150)])
        project.run()
        later = milliseconds(datetime.now(UTC))
        changed: dict[int, dict[str, object]] = {
            3: {"status": "CANCELED"},
            4: {"slotStart": later},
            5: {"agentId": 104},
        }
        server.set_meetings(
            [
                booked(n, updatedAt=later, **changed[n]) if n in changed else booked(n)
                for n in range(153)
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

    def table(self, section: str) -> list[list[str]]:
        """The cells of a section's table, hidden or not."""
        rows: list[list[str]] = self.page.eval_on_selector_all(
            f"#{section} tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
        )
        return rows

    def choose(self, **places: str) -> None:
        """Filters by these names."""
        for axis, name in places.items():
            self.page.select_option(f"select[name={axis}]", label=name)
        wanted = ", ".join(places.values())
        self.page.wait_for_selector(f'body[data-shown="{wanted}"]')


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
def shown(full: Opened) -> Iterator[Opened]:
    """The report, as it is before somebody filters it, and afterwards again."""
    yield full
    full.page.click("button")
    full.page.wait_for_selector("body[data-shown=all]")
    assert full.noises == []


def number(text: str) -> int:
    return int(text.replace(",", ""))


DUE = """
    count(*) filter (is_due), count(*) filter (is_due and is_canceled),
    coalesce(format('{:.1f} %', 100.0 * count(*) filter (is_due and is_canceled)
        / nullif(count(*) filter (is_due), 0)), 'none')"""
COLUMNS = {
    "agents": "coalesce('Agent ' || agent_id, 'Unassigned')",
    "sources": "meeting_source",
    "types": "meeting_type",
}


def cells(row: list[str], start: int) -> tuple[Any, ...]:
    """Names, then bookings, due ones, cancelled ones of these, and the cancel rate."""
    return *row[:start], *map(number, row[start : start + 3]), row[start + 3]


@pytest.mark.parametrize("is_filtered", [False, True], ids=["all", "filtered"])
def test_the_numbers_are_those_of_the_tables(
    reports: Reports, shown: Opened, is_filtered: bool
) -> None:
    project, where = reports.project, "true"
    if is_filtered:
        shown.choose(agent="Agent 101", type=EVIL)
        where = f"agent_id = 101 and meeting_type = '{EVIL}'"
        assert shown.page.inner_text("#shown") == f"Shown: only Agent 101, {EVIL}."
    for section, column in COLUMNS.items():
        found = [(*cells(row, 1), number(row[5])) for row in shown.table(section)]
        assert sorted(found) == project.query(
            f"select {column} as name, count(*), {DUE}, count(*) filter (is_rescheduled)"
            f" from bookings.meetings where {where} group by name order by name"
        )
    states = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")
    counts = ", ".join(f"count(*) filter (meeting_state = '{state}')" for state in states)
    weeks = [(row[0], *map(number, row[1:9]), row[9]) for row in shown.table("weeks")]
    assert [row for row in weeks if row[1]] == project.query(
        f"select date_trunc('week', booked_on)::date::varchar as week, count(*), {counts}, {DUE}"
        f" from bookings.meetings where {where} group by week order by week desc"
    )
    assert [row for row in (cells(row, 1) for row in shown.table("lead")) if row[1]] == (
        project.query(
            f"""
            select case when days <= 1 then '0-1 days' when days <= 7 then '2-7 days'
                    when days <= 21 then '8-21 days' else 'over 21 days' end as bucket,
                count(*), {DUE}
            from (select *, date_diff('day', booked_on, meeting_on) as days from bookings.meetings)
            where {where} group by bucket order by min(days)
            """
        )
    )
    assert sorted(cells(row, 2) for row in shown.table("hours")) == project.query(
        f"""
        select coalesce(left(dayname(local_start_at), 3), 'unknown') as day,
            coalesce(strftime(local_start_at, '%H:00'), '') as hour, count(*), {DUE}
        from bookings.meetings where {where} group by day, hour order by day, hour
        """
    )
    ((last, last_canceled, upcoming, bookings),) = project.query(
        f"""
        select count(*) filter (ago between 0 and 27),
            count(*) filter (ago between 0 and 27 and is_canceled),
            count(*) filter (meeting_state = 'upcoming'), count(*)
        from (
            select *, date_diff('day', booked_on, today_on) as ago
            from bookings.meetings cross join bookings.data_health
        ) where {where}
        """
    )
    headline = [cell[1] for cell in headlines(shown)]
    assert [headline[n] for n in (0, 1, 5, 6)] == [
        str(n) for n in (last, last_canceled, upcoming, bookings)
    ]
    listed = shown.table("upcoming")
    assert len(listed) == min(upcoming, 100)
    assert listed == sorted(listed, key=lambda row: row[0])


def headlines(shown: Opened) -> list[list[str]]:
    """Name, number and words of each number at the top."""
    found: list[list[str]] = shown.page.eval_on_selector_all(
        "#headline div", "cells => cells.map(c => [...c.children].map(e => e.textContent))"
    )
    return found


def test_what_is_not_known_whole_is_compared_with_nothing(
    reports: Reports, browser: Browser, tmp_path: Path
) -> None:
    with open_snapshot(reports.project.folder / "warehouse.duckdb") as ask:
        numbers = find_numbers(ask, ROOT / "sql")
    assert numbers["health"]["can_compare_periods"] is False  # read for the first time just now
    (known_from,) = reports.project.query("select complete_from_on from bookings.data_health")[0]
    shown = opened(browser, reports.full)
    assert f"known from {known_from} on" in shown.page.inner_text("#as-of")
    assert {words for _, _, words in headlines(shown)[:5]} == {
        "the 28 days before are not known whole"
    }
    complete = [row[10] for row in shown.table("weeks")]
    assert complete[0] == "no"  # this week
    assert complete == [
        "yes" if is_complete else "no"
        for (is_complete,) in reports.project.query(
            "select is_complete from bookings.weekly_bookings order by week_start_on desc"
        )
    ]
    shades = shown.page.eval_on_selector_all(
        "#weeks .mark-rect path", "all => all.map(p => getComputedStyle(p).opacity)"
    )
    assert set(shades) == {"1", "0.45"}

    numbers["health"]["can_compare_periods"] = True
    page = tmp_path / "later.html"
    page.write_text(render(numbers), "utf-8")
    columns = "bookings_last_28_days, bookings_prior_28_days"
    ((last, prior),) = reports.project.query(
        f"select {columns} from bookings.booking_metrics where dimension = 'all'"
    )
    sign = "+" if last >= prior else "\u2212"
    assert headlines(opened(browser, page))[0] == [
        "Bookings, last 28 days",
        str(last),
        f"{sign}{abs(100 * (last / prior - 1)):.0f} % to the 28 days before",
    ]


@pytest.mark.parametrize(
    ("parts", "mart", "keys"),
    [
        (
            "report_weeks natural join bookings_internal.report_calendar",
            "weekly_bookings",
            "week_start_on",
        ),
        ("report_hours", "booking_hours", "local_weekday, local_hour"),
        ("report_lead_times", "lead_time_buckets", "bucket_number"),
    ],
    ids=["weeks", "hours", "lead times"],
)
def test_the_parts_that_the_page_filters_add_up_to_the_marts(
    reports: Reports, parts: str, mart: str, keys: str
) -> None:
    whole = reports.project.query(
        f"select {keys}, bookings, cancel_rate from bookings.{mart} where bookings > 0 order by all"
    )
    assert whole == reports.project.query(
        f"""
        select {keys}, sum(bookings), sum(due_canceled_meetings) / nullif(sum(due_meetings), 0)
        from bookings_internal.{parts} group by all order by all
        """
    )


def test_the_last_28_days_are_those_of_the_metrics(reports: Reports) -> None:
    metrics = "bookings_last_28_days, bookings_prior_28_days, bookings, due_canceled_meetings"
    assert reports.project.query(
        f"select {metrics} from bookings.booking_metrics where dimension = 'all'"
    ) == reports.project.query(
        """
        select sum(bookings) filter (period = 'last'), sum(bookings) filter (period = 'prior'),
            sum(bookings), sum(due_canceled_meetings)
        from bookings_internal.report_periods
        """
    )


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
    assert sorted((row[1], row[2]) for row in shown.table("changes")) == [
        ("booked", "m150"),
        ("booked", "m151"),
        ("booked", "m152"),
        ("canceled", "m150"),
        ("canceled", "m3"),
        ("reassigned", "m5"),
        ("rescheduled", "m4"),
    ]
    said = shown.page.inner_text("#changes-none")
    assert said == "3 booked, 2 canceled, 1 reassigned, 1 rescheduled"


def test_what_drift_sent_is_text_wherever_it_stands(reports: Reports, shown: Opened) -> None:
    options = shown.page.eval_on_selector_all("option", "all => all.map(o => o.textContent)")
    assert {EVIL, EVIL_SOURCE} <= set(options)
    shown.page.hover("#types .mark-rect path >> nth=0")
    tooltip = shown.page.wait_for_selector("#vg-tooltip-element.visible")
    assert tooltip
    assert EVIL in tooltip.inner_text() or "Demo" in tooltip.inner_text()
    shown.page.hover("#sources .mark-rect path >> nth=1")
    assert shown.page.query_selector_all("img, main script") == []
    assert NOTE not in reports.full.read_text("utf-8")


def test_it_is_legible_in_the_dark_on_a_phone_and_on_paper(
    reports: Reports, browser: Browser
) -> None:
    phone = {"width": 360, "height": 740}
    page = opened(browser, reports.full, viewport=phone, color_scheme="dark").page
    colour = "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"
    bar, letters = "#agents .mark-rect path", "#agents .mark-text text"
    assert page.evaluate(colour, ["body", "backgroundColor"]) == "rgb(20, 24, 30)"
    assert page.evaluate(colour, [bar, "fill"]) == "rgb(110, 168, 234)"
    assert page.evaluate(colour, [letters, "fill"]) == "rgb(230, 234, 240)"
    wide = "[...document.querySelectorAll('main > *, svg')].filter(e => e.getBoundingClientRect().right > innerWidth).length"  # noqa: E501
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(wide) == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(colour, ["body", "backgroundColor"]) == "rgb(255, 255, 255)"
    assert page.evaluate(colour, [letters, "fill"]) == "rgb(0, 0, 0)"
    assert page.evaluate(colour, ["form", "display"]) == "none"


def test_it_can_be_used_and_understood_without_seeing_or_pointing(shown: Opened) -> None:
    page = shown.page
    page.reload()
    page.wait_for_selector("body[data-shown]")
    shown.noises.clear()
    assert page.get_attribute("html", "lang") == "en"
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.name || document.activeElement.localName")
        )
    assert reached[:5] == ["agent", "source", "type", "button", "summary"]
    charts = page.query_selector_all(".chart")
    assert len(charts) == 6
    for chart in charts:
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label") or "") > 20
    page.focus("select[name=source]")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("body[data-shown]:not([data-shown=all])")


def test_nothing_gives_an_empty_report(reports: Reports, browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    with open_snapshot(reports.empty) as ask:
        write_report(ask, ROOT / "sql", page)
    shown = opened(browser, page)
    assert "0 meetings." in shown.page.inner_text("#as-of")
    assert shown.page.inner_text("#headline dd.number >> nth=0") == "0"
    assert shown.page.inner_text("#weeks .chart") == "Nothing."
    assert shown.noises == []
    before = tmp_path / "before.html"
    write_report(lambda _: [], ROOT / "sql", before)
    shown = opened(browser, before)
    assert shown.page.inner_text("#as-of") == "No run has read anything yet."
    assert shown.noises == []


def test_gaps_and_warnings_stand_at_the_top(browser: Browser, tmp_path: Path) -> None:
    numbers = find_numbers(lambda _: [], ROOT / "sql")
    gap, warning = ["2026-01-01 00:00", "2026-01-05 00:00"], [f"Beware {EVIL}.", 3]
    numbers["health"] |= {"gaps": [gap], "warnings": [warning], "rejected": 4}
    page = tmp_path / "page.html"
    page.write_text(render(numbers), "utf-8")
    assert opened(browser, page).page.inner_text("#health").splitlines() == [
        "A hole: meetings that took place from 2026-01-01 00:00 to 2026-01-05 00:00 were never seen"
        " whole.",
        f"Beware {EVIL}. (3)",
        "4 records of Drift's could not be read as meetings.",
    ]


def test_the_command_writes_what_the_run_wrote_and_needs_no_token(
    reports: Reports, tmp_path: Path
) -> None:
    project = reports.project
    del project.environment["SOURCES__DRIFT__ACCESS_TOKEN"]
    done = project.run("--report", "again.html", cwd=tmp_path)
    assert done.stdout == f"report     {tmp_path / 'again.html'}\n"
    assert (tmp_path / "again.html").read_bytes() == reports.full.read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "again.html"]


def test_more_names_than_a_page_can_hold_are_counted_together(
    reports: Reports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = reports.project.folder / ".dlt" / ".var" / "pipeline.duckdb"
    with (
        open_snapshot(reports.project.folder / "warehouse.duckdb") as ask,
        open_tables(open_demo(database, tmp_path)) as ask_tables,
    ):
        whole = find_numbers(ask, ROOT / "sql")
        assert find_numbers(ask_tables, ROOT / "sql") == whole  # as on other destinations
        monkeypatch.setattr("report.numbers.MOST_ROWS", 100)
        short = find_numbers(ask, ROOT / "sql")
    assert json.dumps(whole)
    assert short["names"]["agent"] == ["Unassigned", "Other (5)"]
    assert short["names"]["source"][1:] == ["Other (3)"]
    for cube, (_, _, counts) in CUBES.items():
        columns = whole[cube]["columns"]
        assert short[cube]["columns"] == columns
        assert len(short[cube]["rows"]) < len(whole[cube]["rows"]) or cube == "change_counts"
        for place in range(len(columns) - len(counts), len(columns)):
            assert sum(row[place] for row in short[cube]["rows"]) == sum(
                row[place] for row in whole[cube]["rows"]
            )


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
