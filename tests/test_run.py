"""The whole run, as cron starts it: over real HTTP into a real DuckDB."""

import re
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Demo, Project, Serve, meeting, milliseconds
from tests.hostile import Fault

METRICS = {
    "bookings_by_agent": "agent_id",
    "bookings_by_source": "meeting_source",
    "bookings_by_meeting_type": "meeting_type",
}


def test_the_demo_moves_on_by_a_day_and_its_second_run_adds_what_changed(demo: Demo) -> None:
    project, (first, second) = demo.project, demo.said
    # How many depends a little on which answer comes first; bisection makes 19.
    assert re.search(r"^read       4,919 meetings in 1\d requests", first, flags=re.M)
    assert (
        "related    24 users, 6 teams, 4 playbooks, 2,377 conversations, 4,291 contacts\n" in first
    )
    assert project.query(
        "select team_name from bookings.bookings_by_team order by bookings desc limit 2",
        demo.first_day,
    ) == [("US East",), ("Enterprise",)]
    assert project.query(
        "select count(agent_name), count(*) from bookings.bookings_by_agent", demo.first_day
    ) == [(25, 25)]
    known = (
        "select count(*) - count(visitor_company), count(*) - count(visitor_email_domain),"
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
    ((meetings,),) = project.query("select count(*) from bookings.meetings", "demo.duckdb")
    for name in METRICS:
        assert project.query(f"select sum(bookings) from bookings.{name}", "demo.duckdb") == [
            (meetings,)
        ]


def test_every_attribute_lands_in_its_column(project: Project, serve: Serve) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    booked = start - timedelta(days=5)
    server = serve(
        [
            meeting(
                "full",
                schedulerId=9_000_000_001,
                slotStart=milliseconds(start),
                slotEnd=milliseconds(start) + 1_800_000,
                scheduledAt=milliseconds(booked),
                updatedAt=milliseconds(booked) + 1,
            ),
            {"slug": "bare", "slotStart": milliseconds(start)},
        ]
    )
    project.run()
    assert project.query(
        "select slug, agent_id, org_id, status, meeting_source, scheduler_id, event_id, slot_start,"
        " slot_end, updated_at, scheduled_at, meeting_type, conversation_id, end_user_time_zone,"
        " meeting_notes, booked_by from drift.meeting_versions where slug = 'full'"
    ) == [
        (
            "full",
            11,
            7,
            "ACTIVE",
            "WIDGET",
            9_000_000_001,
            "event-full",
            start,
            start + timedelta(minutes=30),
            booked + timedelta(milliseconds=1),
            booked,
            "New Meeting",
            5_000_000_001,
            "Europe/Berlin",
            "A note.",
            12,
        )
    ]
    assert project.query("select slug from drift.listed_meetings order by 1") == [
        ("bare",),
        ("full",),
    ]
    columns = dict(
        project.query(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = 'drift' and table_name = 'meeting_versions'"
        )
    )
    times = ("slot_start", "slot_end", "updated_at", "scheduled_at")
    assert {columns[name] for name in times} == {"TIMESTAMP WITH TIME ZONE"}
    ids = ("agent_id", "org_id", "scheduler_id", "conversation_id", "booked_by")
    assert {columns[name] for name in ids} == {"BIGINT"}
    meetings = [asked for asked in server.requests if asked.path == "/users/meetings/org"]
    assert [asked.query for asked in meetings] == [
        {"min_start_time": "0", "max_start_time": "253402214400001", "limit": "1000"}
    ]
    methods = {(asked.method, asked.path.split("/")[1]) for asked in server.requests}
    assert {part for method, part in methods if method != "GET"} == {"reports"}  # a query


def test_the_metric_tables_add_up_to_the_number_of_meetings(project: Project, serve: Serve) -> None:
    records = [
        meeting(
            f"m{n}",
            agentId=None if n % 7 == 0 else n % 5,
            meetingSource=None if n % 3 == 0 else f"S{n % 4}",
            meetingType=None if n % 11 == 0 else f"T{n % 2}",
            status="Canceled" if n % 4 == 0 else "ACTIVE",
            slotStart=milliseconds(datetime.now(UTC)) + (n - 500) * 3_600_000,
        )
        for n in range(1500)
    ]
    serve(records)
    project.run()
    assert project.query("select count(*), count(distinct meeting_id) from bookings.meetings") == [
        (1500, 1500)
    ]
    for name in METRICS:
        assert project.query(f"select sum(bookings) from bookings.{name}") == [(1500,)]
    unassigned = project.query(
        "select agent_name, bookings from bookings.bookings_by_agent where agent_id is null"
    )
    assert unassigned == [("Unassigned", sum(n % 7 == 0 for n in range(1500)))]


def test_without_a_token_one_sentence_says_how_to_set_it(project: Project) -> None:
    done = project.run(code=2)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "There is no access token: set SOURCES__DRIFT__ACCESS_TOKEN, or sources.drift.access_token"
        " in .dlt/secrets.toml; or try the pipeline without an account: "
        "python pipelines/meetings.py --demo"
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


def test_the_summary_counts_meetings_as_the_tables_do_and_names_no_year_9999(
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
    assert (meetings, window_to.year) == (30, 9999)
    assert re.search(r"^read       26 meetings in .* start from \S+ \S+ UTC on$", said, flags=re.M)
    assert "9999" not in said


def test_a_wrong_option_is_refused_before_anything_is_imported(project: Project) -> None:
    done = project.run("--dmeo", code=2)
    assert "unrecognized arguments: --dmeo" in done.stderr


def test_the_token_is_in_no_output_and_no_file(project: Project, serve: Serve) -> None:
    token = "token-that-nobody-may-see"
    serve([meeting("m1"), b'{"slug": 5, "slotStart": 1}'], token=token, serves_unscheduled=True)
    done = project.run("--verbose")
    assert token not in done.stdout + done.stderr
    for path in project.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


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
    while not server.requests:
        assert first.poll() is None, first.communicate()
    second = project.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    assert f"Another run is under way (process {first.pid})" in second.stderr
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


def test_the_published_file_holds_no_staging_leftovers(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    schemas = project.query(
        "select distinct table_schema from information_schema.tables order by 1"
    )
    assert schemas == [("bookings",), ("bookings_internal",), ("drift",)]
    assert project.query("select current_database()") == [("warehouse",)]


def test_a_broken_model_changes_nothing_for_analysts(project: Project, serve: Serve) -> None:
    server = serve([meeting("m1")])
    project.run()
    before, target = project.tables(), Path(project.folder / "warehouse.duckdb").readlink()
    server.set_meetings([meeting("m1"), meeting("m2")])
    broken = project.folder / "sql/marts/meetings_by_moon.sql"
    broken.write_text("select moon from bookings.meetings")
    done = project.run(code=1)
    unbuilt = (
        'The model meetings_by_moon could not be built: Binder Error: Referenced column "moon"'
    )
    assert unbuilt in done.stderr
    assert "Traceback" not in done.stderr
    assert Path(project.folder / "warehouse.duckdb").readlink() == target
    assert project.tables() == before


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
    mine.write_text("mine")
    done = project.run(code=2)
    assert "did not publish" in done.stderr
    assert mine.read_text() == "mine"
