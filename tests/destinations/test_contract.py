"""What every destination does alike: the scenarios of the main job, each ending as on DuckDB.

DuckLake and BigQuery need what no other test does (see docs/testing.md), and are skipped without.
"""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from report.numbers import find_numbers
from tests.conftest import ROOT, Project, Serve, meeting, milliseconds, zygote
from tests.destinations.bigquery_emulator import PROGRAM, Front
from tests.destinations.conftest import PASSWORD
from tests.destinations.places import BigQuery, DuckDB, Lake, Place, assert_same_tables, told
from tests.test_crash import START, organisation, people
from warehouse.ducklake import PACKAGES, packaged
from warehouse.reading import open_snapshot

MISSING = [package for name, package in PACKAGES.items() if not packaged(name)]
NEEDS = {
    "ducklake": f"needs {', '.join(MISSING)} for DuckDB {duckdb.__version__}" if MISSING else "",
    "bigquery": "" if PROGRAM else "needs BQEMULATOR, the path of an emulator of BigQuery's API",
}


def places(*names: str, default: str = "") -> pytest.MarkDecorator:
    """A test's destinations, of which one may be in the default tier.

    Those that need what may not be installed are in the long one.
    """
    params = []
    marks: list[pytest.MarkDecorator]
    for name in names:
        if (needed := NEEDS.get(name.partition("_")[0])) is None:
            marks = [] if name == default else [pytest.mark.process]
        else:
            marks = [pytest.mark.long, pytest.mark.skipif(bool(needed), reason=needed)]
        params.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("place", params, indirect=True)


beside_duckdb = places("postgres", "ducklake", "bigquery")
"""On DuckDB these tests have run before they compare."""
neither_duckdb_nor_postgres = places("ducklake", "bigquery")
"""Of kills there, `test_crash` and `test_postgres_crash` know more."""
with_readers = places("duckdb", "postgres", "ducklake_in_postgres", "bigquery")
"""A DuckLake's catalogue in a file is for one process at a time."""
shared = places("postgres", "bigquery")
"""By machines that may run at once. DuckLake fails one of two that start in one instant."""

COUNTS = """
    select
        (select count(*) from bookings.meetings),
        (select sum(bookings) from bookings.bookings_by_source),
        (select sum(bookings) from bookings.bookings_by_agent)
"""


@pytest.fixture
def place(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Place:
    """A destination that is empty."""
    match request.param:
        case "postgres":
            return request.getfixturevalue("postgres")  # type: ignore[no-any-return]
        case "ducklake":
            (tmp_path / "lake").mkdir()
            file = tmp_path / "catalogue.duckdb"
            return Lake(tmp_path / "lake", f"duckdb:///{file}", f"ducklake:{file}")
        case "ducklake_in_postgres":
            (tmp_path / "lake").mkdir()
            uri = request.getfixturevalue("postgres").uri()
            return Lake(tmp_path / "lake", uri, f"ducklake:postgres:{uri}")
        case "bigquery":
            front: Front = request.getfixturevalue("bigquery_front")
            return BigQuery(front, f"test-{abs(hash(request.node.nodeid)) % 10**12}")
    return DuckDB(project, {})


def each(project: Project, place: Place) -> Iterator[None]:
    """The project on DuckDB, and then where it is to end alike."""
    bare = project.environment
    for settings in ({}, place.settings):
        project.environment = bare | settings
        yield


def assert_as_on_duckdb(project: Project, place: Place) -> None:
    assert_same_tables(told(DuckDB(project, {})), told(place))


def assert_same_report(project: Project, file: Path) -> None:
    """Of what the project's destination has, and of the file that DuckDB published."""
    with open_snapshot(project.folder / "warehouse.duckdb") as ask:
        expected = json.loads(json.dumps(find_numbers(ask, ROOT / "sql")))
    project.run("--report", str(file))
    page = file.read_text("utf-8")
    (numbers,) = re.findall(r'type="application/json" id="numbers">(.*?)</script>', page)
    found = json.loads(numbers)
    for one in (expected, found):  # when the runs took place
        del one["health"]["as_of_at"], one["health"]["observed_from_at"]
        for share in ("agent_known_share", "visitor_known_share"):  # the last digit is an engine's
            one["health"][share] = round(one["health"][share], 12)
        one["changes"] = [row for row in one["changes"]["rows"] if "delisted" not in row]
    assert found == expected


def records(day: int) -> list[Any]:
    """An organisation on one of three days, with attributes of every kind."""
    text = "quote ' percent % back\\slash\nline \x00 \u20ac"
    bare = dict.fromkeys(("agentId", "meetingNotes", "status"), None)
    odd = [meeting("bare", **bare), meeting("text", meetingNotes=text)]
    if day == 1:
        kinds = {"isRecurring": True, "score": 1.5, "rank": 3, "conferenceDetails": {"a": [1]}}
        return [*organisation(1), *odd, meeting("more", **kinds)]
    kinds = {"updatedAt": 1, "isRecurring": "sometimes", "score": "high", "rank": 2**62}
    names = {"a" * 80: 1, "a" * 79 + "b": 2, "order": "by", "Group %": 5}
    found = [*organisation(2), *odd, meeting("more", **kinds), meeting("names", **names)]
    if day == 2:
        return found
    later = meeting("names", **names, status="CANCELED", updatedAt=milliseconds(START) - 1)
    return [*found[:40], *found[60:-1], later, meeting("last", meetingSource="a new one")]


def status(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.run("--status", "--json").stdout)
    return found


@beside_duckdb
def test_runs_with_changes_between_them_end_in_the_tables_of_duckdb(
    project: Project, serve: Serve, place: Place, tmp_path: Path
) -> None:
    days = records(1), records(2), records(3)
    server = serve([], serves_unscheduled=True, cap=100)  # fewer than there are
    project.environment |= {
        "SOURCES__DRIFT__CONTACTS": "false",  # each run would read the next ones
        "BOOKINGS__TIME_ZONE": "America/New_York",
    }
    if isinstance(place, BigQuery):  # the emulator takes seconds for all; GoogleSQL has them
        project.keep_few_models()
    for _ in each(project, place):
        for day, held in enumerate(days, 1):
            server.set_meetings(held)
            server.people = people(min(day, 2))
            done = project.run()
            assert PASSWORD not in done.stdout + done.stderr
    assert_as_on_duckdb(project, place)

    if not isinstance(place, BigQuery):
        assert_same_report(project, tmp_path / "page.html")
    said = status(project)
    assert (said["state"], said["meetings"], said["rejected"]) == ("fresh", 126, 2)
    assert said["run_under_way"] is False

    before = told(place)
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")  # a machine that has never run
    another.environment |= project.environment
    if isinstance(place, BigQuery):
        another.keep_few_models()
    if not isinstance(place, Lake):
        until = "update drift.run_lease set owner = 'elsewhere', expires_at = timestamptz '{}'"
        place.change(until.format("2100-01-01 00:00:00+00") + " where true")
        busy = another.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
        assert "Another run is under way on this destination (by elsewhere" in busy.stderr
        assert status(another)["run_under_way"] is True
        place.change(until.format("2000-01-01 00:00:00+00") + " where true")
    already = len(server.requests)
    assert ", 0 versions of them new" in another.run().stdout
    asked = [asked.path for asked in server.requests[already:]]
    # by the windows that the first machine had cut, and for nothing that it has read
    assert asked[:2] == ["/users/meetings/org"] * 2
    assert sorted(asked[2:]) == ["/playbooks/list", "/teams/org", "/users/list"]
    assert told(place) == before
    assert place.query("select count(*) from drift.syncs") == [(4,)]


@neither_duckdb_nor_postgres
def test_a_run_that_is_killed_twice_is_made_good_by_the_next(
    project: Project, serve: Serve, place: Place
) -> None:
    project.keep_few_models()
    server = serve([], serves_unscheduled=True)
    project.environment["SOURCES__DRIFT__CONTACTS"] = "false"
    days = organisation(1), organisation(2)

    def two_days(kills: tuple[float, ...]) -> None:
        server.set_meetings(days[0])
        server.people = people(1)
        events = zygote().run(project, counts=True).events
        server.set_meetings(days[1])
        server.people = people(2)
        for share in kills:
            moment = int(share * events)
            assert zygote().run(project, counts=True, kill_at=moment).returncode == -9
        project.run()

    two_days(kills=())
    undisturbed = told(DuckDB(project, {}))
    project.environment |= place.settings
    two_days(kills=(1 / 3, 1 / 2))
    assert_same_tables(undisturbed, told(place))
    assert place.query("select count(*) from bookings.meetings") == [(121,)]


@with_readers
def test_readers_see_each_run_whole(project: Project, serve: Serve, place: Place) -> None:
    project.keep_few_models()
    first = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80)]
    more = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80, 120)]
    server = serve(first)
    project.environment |= place.settings
    project.run()
    server.set_meetings([*first, *more])
    over, seen = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.update(place.query(COUNTS))

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        try:
            project.run()
        finally:
            over.set()
        reading.result()
    assert (80, 80, 80) in seen
    assert seen <= {(80, 80, 80), (120, 120, 120)}, "half of a run"
    assert place.query(COUNTS) == [(120, 120, 120)]


@shared
def test_of_two_machines_that_start_at_one_instant_one_reads(
    project: Project, serve: Serve, place: Place, tmp_path: Path
) -> None:
    project.keep_few_models()
    server = serve([meeting("m1")], latency_seconds=0.5)
    project.environment |= place.settings | {"BOOKINGS__LOCK_WAIT_SECONDS": "0.1"}
    machines = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        machines.append(Project.copied_to(tmp_path / name))
        machines[-1].environment |= project.environment
        machines[-1].keep_few_models()
    for runs in (1, 2):  # at first they make the table of the lease, too
        starting = threading.Barrier(2)

        def run(machine: Project, starting: threading.Barrier = starting) -> Any:
            starting.wait()
            return subprocess.run(
                machine.command(),
                env=machine.environ(),
                capture_output=True,
                text=True,
                check=False,
            )

        with ThreadPoolExecutor(2) as both:
            done = sorted(both.map(run, machines), key=lambda one: int(one.returncode))
        assert [one.returncode for one in done] == [0, 3], [one.stderr for one in done]
        assert "Another run is under way on this destination" in done[1].stderr
        assert place.query("select owner from drift.run_lease") == [("",)]
        assert place.query("select count(*) from drift.syncs") == [(runs,)]
    asked = [asked.path for asked in server.requests]
    assert asked.count("/users/list") == 2


@places("postgres", "ducklake", "bigquery", default="postgres")
def test_a_failing_check_leaves_the_last_good_tables(
    project: Project, serve: Serve, place: Place
) -> None:
    project.keep_few_models()
    server = serve([meeting("m1")])
    project.environment |= place.settings
    project.run()
    before = {name: rows for name, rows in told(place).items() if "bookings" in name}
    server.set_meetings([meeting("m1"), meeting("m2")])
    check = project.folder / "sql/checks/nothing_is_booked.sql"
    check.parent.mkdir(exist_ok=True)
    check.write_text("-- No meeting exists.\nselect meeting_id from bookings.meetings order by 1")
    done = project.run(code=1)
    assert "a check found rows. nothing is booked: meeting_id=m1; meeting_id=m2" in done.stderr
    assert "Traceback" not in done.stderr
    after = told(place)
    assert {name: after[name] for name in before} == before


@beside_duckdb
def test_an_import_adds_to_runs_a_visitor_is_forgotten_and_what_was_kept_is_dropped(
    project: Project, serve: Serve, place: Place, tmp_path: Path
) -> None:
    project.keep_few_models()
    noted = [meeting(f"m{n}", schedulerId=n, agentId=n, extra="text") for n in range(4)]
    saved = tmp_path / "saved.jsonl"
    saved.write_text(
        "\n".join(json.dumps(meeting(f"old{n}", schedulerId=1, agentId=1)) for n in range(3))
    )
    serve([*noted, b'{"slug": 7}'], serves_unscheduled=True, people=people(1))
    said = []
    for _ in each(project, place):
        project.run()
        added = project.run("--import", str(saved)).stdout.splitlines()
        said.append([line for line in added if not line.startswith(("took", "database"))])
        forgot = project.run("--forget", "1").stdout.splitlines()[0]
        assert forgot == "forgotten  contacts: 1; meetings, which still count: 4"
        project.environment |= {"SOURCES__DRIFT__PERSONAL_DATA": "drop"}
        project.run("--apply-personal-data")
        assert ", 0 versions of them new" in project.run().stdout
    assert said[0] == said[-1]
    assert_as_on_duckdb(project, place)
    assert place.query(
        "select count(meeting_notes), count(other_attributes), count(*) from drift.meeting_versions"
    ) == [(0, 0, 7)]
    assert place.query("select count(email), count(*) from drift.contacts") == [(0, 3)]
    assert place.query("select count(email), count(name), count(*) from drift.users") == [(0, 0, 4)]
