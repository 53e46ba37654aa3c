"""The whole run, as cron starts it: over real HTTP into a real DuckDB."""

import re
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from fake_drift.http import Asked
from tests.conftest import Demo, Project, Serve, made_once, meeting, milliseconds, wait_until
from tests.hostile import Fault, HostileDrift

TOKEN = "token-that-nobody-may-see"
START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
BOOKED_BEFORE = timedelta(days=5)
ORGANISATION = [
    meeting(
        "full",
        schedulerId=9_000_000_001,
        slotStart=milliseconds(START),
        slotEnd=milliseconds(START) + 1_800_000,
        scheduledAt=milliseconds(START - BOOKED_BEFORE),
        updatedAt=milliseconds(START - BOOKED_BEFORE) + 1,
    ),
    {"slug": "bare", "slotStart": milliseconds(START)},
    *(
        meeting(
            f"m{n}",
            agentId=None if n % 7 == 0 else n % 5,
            meetingSource=None if n % 3 == 0 else f"S{n % 4}",
            meetingType=None if n % 11 == 0 else f"T{n % 2}",
            status="Canceled" if n % 4 == 0 else "ACTIVE",
            slotStart=milliseconds(datetime.now(UTC)) + (n - 50) * 3_600_000,
        )
        for n in range(200)
    ),
]


@dataclass(frozen=True)
class Published:
    """A project that has run once, what it asked Drift, and what it said.

    `start` is that of its meetings: another of xdist's processes has a `START` of its own.
    """

    project: Project
    start: datetime
    asked: Sequence[Asked]
    said: str


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    def make(folder: Path) -> Published:
        project = Project.copied_to(folder)
        records = [*ORGANISATION, b'{"slug": 5, "slotStart": 1}']
        with HostileDrift(records, token=TOKEN, serves_unscheduled=True) as server:
            project.environment |= {"SOURCES__DRIFT__BASE_URL": server.url}
            done = project.run("--verbose", SOURCES__DRIFT__ACCESS_TOKEN=TOKEN)
        return Published(project, START, server.requests, done.stdout + done.stderr)

    return made_once(tmp_path_factory, "published", make)


def test_the_demo_moves_on_by_a_day_and_its_second_run_adds_what_changed(demo: Demo) -> None:
    project, (first, second) = demo.project, demo.said
    # How many depends a little on which answer comes first.
    assert re.search(r"^read       4,712 meetings in [12]\d requests", first, flags=re.M)
    assert (
        "related    24 users, 6 teams, 4 playbooks, 2,261 conversations, 4,095 contacts\n" in first
    )
    assert project.query(
        "select team_name from bookings.bookings_by_team order by bookings desc limit 2",
        demo.first_day,
    ) == [("US East",), ("Enterprise",)]
    assert project.query(
        "select count(agent_name), count(*) from bookings.bookings_by_agent", demo.first_day
    ) == [(25, 25)]
    known = (
        "select count(*) filter (visitor_company is null and visitor_email_domain like 'company%'),"
        " count(*) - count(visitor_email_domain),"
        " count(agent_id) - count(agent_time_zone), count(booked_by_id) - count(booked_by_name),"
        " count(playbook_id) - count(playbook_name), min(visitor_company), min(playbook_name)"
        " from bookings.meetings"
    )
    assert project.query(known, demo.first_day) == [
        (0, 0, 0, 0, 0, "Company 0 Example", "Book a demo (example)")
    ]
    assert "versions of them new; 0 rejected" in second
    days = project.query("select started_at from drift.syncs order by 1", "demo.duckdb")
    assert [day for (day,) in days] == [
        datetime(2026, 6, 1, 8, tzinfo=UTC),
        datetime(2026, 6, 2, 8, tzinfo=UTC),
    ]
    ((added,),) = project.query(
        "select versions_added from drift.syncs order by started_at desc limit 1", "demo.duckdb"
    )
    changed = project.query(
        "select count(*) from drift.meeting_versions where updated_at > '2026-06-01 08:00:00+00'",
        "demo.duckdb",
    )
    assert changed == [(added,)]
    assert not (project.folder / "warehouse.duckdb").exists()


def test_every_attribute_lands_in_its_column(published: Published) -> None:
    query, start = published.project.query, published.start
    booked = start - BOOKED_BEFORE
    assert query(
        "select slug, agent_id, org_id, status, meeting_source, scheduler_id, event_id, slot_start,"
        " slot_end, updated_at, scheduled_at, meeting_type, conversation_id, end_user_time_zone,"
        " meeting_notes, booked_by from drift.meeting_versions where slug = 'full'"
    ) == [
        (
            *("full", 11, 7, "ACTIVE", "WIDGET", 9_000_000_001, "event-full", start),
            *(start + timedelta(minutes=30), booked + timedelta(milliseconds=1), booked),
            *("New Meeting", 5_000_000_001, "Europe/Berlin", "A note.", 12),
        )
    ]
    bare = query("select * exclude (sync_id) from drift.meeting_versions where slug = 'bare'")
    columns = dict(
        query(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = 'drift' and table_name = 'meeting_versions'"
        )
    )
    assert len(bare) == 1
    times = ("slot_start", "slot_end", "updated_at", "scheduled_at")
    assert {columns[name] for name in times} == {"TIMESTAMP WITH TIME ZONE"}
    ids = ("agent_id", "org_id", "scheduler_id", "conversation_id", "booked_by")
    assert {columns[name] for name in ids} == {"BIGINT"}


def test_all_meetings_are_asked_for_and_nothing_is_changed(published: Published) -> None:
    meetings = [asked for asked in published.asked if asked.path == "/users/meetings/org"]
    everything = {"min_start_time": "0", "max_start_time": "15000000000000", "limit": "1000"}
    assert meetings[0].query == everything
    # Once more in two parts: whether answers are cut below the limit.
    assert [asked.query["limit"] for asked in meetings] == ["1000"] * 3
    methods = {(asked.method, asked.path.split("/")[1]) for asked in published.asked}
    assert {part for method, part in methods if method != "GET"} == {"reports"}  # a query


def test_the_bookings_of_each_dimension_add_up_to_the_number_of_meetings(
    published: Published,
) -> None:
    query = published.project.query
    number = len(ORGANISATION)
    assert query("select count(*), count(distinct meeting_id) from bookings.meetings") == [
        (number, number)
    ]
    counted = dict(
        query("select dimension, sum(bookings) from bookings.booking_metrics group by dimension")
    )
    grouped = "select dimension, count(*) from bookings.meeting_groups group by dimension"
    assert counted == dict(query(grouped))
    assert {*counted.values()} == {number}  # here nobody is in two teams
    marts = [
        name
        for (name,) in query(
            "select table_name from information_schema.tables where table_schema = 'bookings'"
        )
        if name.removeprefix("bookings_by_") in counted
    ]
    assert "bookings_by_agent" in marts
    for name in marts:
        assert query(f"select sum(bookings) from bookings.{name}") == [(number,)], name
    assert query(
        "select agent_name, bookings from bookings.bookings_by_agent where agent_id is null"
    ) == [("Unassigned", 1 + sum(n % 7 == 0 for n in range(200)))]


def test_the_token_is_in_no_output_and_no_file(published: Published) -> None:
    assert TOKEN not in published.said
    for path in published.project.folder.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def test_the_published_file_holds_no_staging_leftovers(published: Published) -> None:
    schemas = published.project.query(
        "select distinct table_schema from information_schema.tables order by 1"
    )
    assert schemas == [("bookings",), ("bookings_internal",), ("drift",)]
    assert published.project.query("select current_database()") == [("warehouse",)]


def test_without_a_token_one_sentence_says_how_to_set_it(project: Project) -> None:
    done = project.run(code=2)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "There is no access token: set SOURCES__DRIFT__ACCESS_TOKEN, or sources.drift.access_token"
        " in .dlt/secrets.toml; or try the pipeline without an account: "
        "uv run pipelines/meetings.py --demo"
    ]
    assert not (project.folder / "warehouse.duckdb").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_not_tried_again(project: Project, serve: Serve, status: int) -> None:
    server = serve([], refusal_status=status)
    done = project.run(code=1, SOURCES__DRIFT__ACCESS_TOKEN="secret-of-another-organisation")
    assert f"Drift refused the access token ({status})" in done.stderr
    assert "user_read" in done.stderr
    assert "secret-of-another-organisation" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.requests) == 1


def test_a_server_that_keeps_failing_ends_the_run_in_one_sentence(
    project: Project, serve: Serve
) -> None:
    server = serve([], faults=lambda *_: Fault("server_error", status=503))
    done = project.run(code=1)
    assert "kept answering 503: Service Unavailable." in done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.requests) == 8
    assert not (project.folder / "warehouse.duckdb").exists()


def test_a_host_that_does_not_answer_ends_the_run_in_one_sentence(project: Project) -> None:
    done = project.run(
        code=1,
        SOURCES__DRIFT__BASE_URL="http://127.0.0.1:9",
        SOURCES__DRIFT__ACCESS_TOKEN="token",
    )
    assert "127.0.0.1:9 could not be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("BOOKINGS__TIME_ZONE", "Mars/Olympus", "bookings.time_zone"),
        ("BOOKINGS__LOCK_WAIT_SECONDS", "soon", "bookings.lock_wait_seconds"),
        ("BOOKINGS__DUCKDB_MEMORY", "plenty", "bookings.duckdb_memory"),
        ("SOURCES__DRIFT__REQUESTS_IN_FLIGHT", "0", "sources.drift.requests_in_flight"),
        ("SOURCES__DRIFT__OVERLAP_HOURS", "-1", "sources.drift.overlap_hours"),
        ("SOURCES__DRIFT__BASE_URL", "driftapi.com", "sources.drift.base_url"),
        ("SOURCES__DRIFT__BASE_URL", "http://driftapi.com", "sources.drift.base_url"),
        ("DESTINATION__WAREHOUSE__DESTINATION_TYPE", "papyrus", "papyrus"),
        ("BOOKINGS__SNAPSHOT", "no/such/folder/warehouse.duckdb", "bookings.snapshot"),
    ],
)
def test_a_wrong_setting_is_named(project: Project, variable: str, value: str, key: str) -> None:
    done = project.run(code=2, SOURCES__DRIFT__ACCESS_TOKEN="token", **{variable: value})
    (sentence,) = done.stderr.splitlines()
    assert key in sentence


@pytest.mark.process
def test_too_little_memory_is_a_sentence_that_names_the_setting(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1")])
    said = project.run(code=1, BOOKINGS__DUCKDB_MEMORY="3MB").stderr.splitlines()[-1]
    assert "bookings.duckdb_memory is too little for this: Out of Memory Error" in said
    project.run()


def test_a_misspelt_key_in_the_configuration_is_named(project: Project) -> None:
    config = project.folder / ".dlt" / "config.toml"
    config.write_text(config.read_text().replace("time_zone =", "timezone ="))
    done = project.run(code=2, SOURCES__DRIFT__ACCESS_TOKEN="token")
    assert done.stderr.splitlines() == [
        "config.toml sets bookings.timezone, which is no setting; is bookings.time_zone meant?"
    ]


@pytest.mark.process
def test_with_quiet_a_good_run_says_nothing_and_a_failed_one_its_sentence_alone(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m1")])
    said = project.run("--quiet")
    assert (said.stdout, said.stderr) == ("", "")
    for command, code in ((("--status",), 0), (("--model", "agents"), 0), (("--report", "/"), 2)):
        said = project.run("--quiet", *command, code=code)
        assert (said.stdout, len(said.stderr.splitlines())) == ("", code // 2)
    server.faults = lambda *_: Fault("server_error", status=503)
    said = project.run("--quiet", code=1)
    assert said.stdout == ""
    (sentence,) = said.stderr.splitlines()
    assert sentence.endswith("kept answering 503: Service Unavailable.")


@pytest.mark.process
def test_the_summary_counts_meetings_as_the_tables_do_and_names_no_year_2445(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting(f"m{n}") for n in range(30)])
    project.run()
    server.set_meetings([meeting(f"m{n}") for n in range(4, 30)])  # four are delisted
    said = project.run().stdout
    ((meetings, window_to),) = project.query(
        "select meetings, window_to from bookings.data_health cross join bookings_internal.int_now"
    )
    assert f"\nloaded     {meetings} in the warehouse, " in said
    assert (meetings, window_to.year) == (30, 2445)
    assert re.search(r"^read       26 meetings in .* start from \S+ \S+ UTC on$", said, flags=re.M)
    assert "2445" not in said


def test_a_wrong_option_is_refused_before_anything_is_imported(project: Project) -> None:
    done = project.run("--dmeo", code=2)
    assert "unrecognized arguments: --dmeo" in done.stderr


@pytest.mark.process
def test_a_second_run_leaves_while_another_is_under_way(project: Project, serve: Serve) -> None:
    released = threading.Event()
    records = [meeting("m1")]
    server = serve(lambda: records if released.wait(120) else [])
    first = subprocess.Popen(
        project.command(),
        env=project.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: server.requests or first.poll() is not None)
    assert first.poll() is None, first.communicate()
    second = project.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    assert "Another run is under way; this one waited 0.1 seconds" in second.stderr
    released.set()
    first.communicate(timeout=120)
    assert first.returncode == 0


def test_an_analyst_who_holds_the_file_open_blocks_nothing_and_keeps_a_whole_copy(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m1")])
    project.run()
    published = str(project.folder / "warehouse.duckdb")
    with duckdb.connect(published) as analyst:  # for writing, as the shell opens it
        analyst.execute("create table mine as select 1 as x").fetchall()
        server.set_meetings([meeting("m1"), meeting("m2")])
        project.run()
        analyst.execute("insert into mine values (2)").fetchall()
        assert analyst.execute("select count(*) from bookings.meetings").fetchall() == [(1,)]
        assert project.query("select count(*) from bookings.meetings") == [(2,)]
    project.run()
    assert project.query("select count(*) from bookings.meetings") == [(2,)]


def test_if_a_read_a_model_or_a_check_fails_analysts_keep_the_last_good_state(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m1")])
    project.run()
    before, target = project.tables(), (project.folder / "warehouse.duckdb").readlink()

    def fails(sentence: str) -> None:
        done = project.run(code=1)
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
        assert (project.folder / "warehouse.duckdb").readlink() == target
        assert project.tables() == before

    server.set_meetings([meeting("m1"), meeting("m2")])
    server.faults = lambda *_: Fault("server_error", status=503)
    fails("kept answering 503: Service Unavailable.")
    server.faults = lambda *_: None
    check = project.folder / "sql/checks/nothing_is_booked.sql"
    check.write_text("-- No meeting exists.\nselect meeting_id from bookings.meetings order by 1")
    fails("a check found rows. nothing is booked: meeting_id=m1; meeting_id=m2")
    check.unlink()
    model = project.folder / "sql/marts/meetings_by_moon.sql"
    model.write_text("select moon from bookings.meetings")
    fails('The model meetings_by_moon could not be built: Binder Error: Referenced column "moon"')
    model.unlink()
    project.run()
    assert project.query("select count(*) from bookings.meetings") == [(2,)]


@pytest.mark.process
def test_a_check_that_only_warns_is_shown_and_the_run_goes_on(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1")])
    check = "-- No meeting exists.\n-- severity: warn\nselect meeting_id from bookings.meetings"
    (project.folder / "sql/checks/nothing_is_booked.sql").write_text(check)
    done = project.run()
    assert "warning    nothing is booked: meeting_id=m1" in done.stdout


def test_a_file_that_the_pipeline_did_not_publish_is_left_alone(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1")])
    mine = project.folder / "warehouse.duckdb"
    for _ in range(2):  # before anything is published, and in the place of what was
        mine.write_text("mine")
        done = project.run(code=2)
        assert "did not publish" in done.stderr
        assert mine.read_text() == "mine"
        mine.unlink()
        project.run()
        mine.unlink()
