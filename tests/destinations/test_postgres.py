"""What a real PostgreSQL has alone; what all destinations have is in `test_contract`."""

import contextlib
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project, Serve, meeting, wait_until, zygote
from tests.destinations.conftest import PASSWORD, Postgres
from tests.test_forget import ADDRESS, GONE, OTHER, PERSON, answers
from tests.test_personal import found

pytestmark = pytest.mark.process


def test_a_forgotten_visitor_is_in_no_table(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    server = serve(answers(1), serves_unscheduled=True, people=PERSON)
    project.run()
    server.set_meetings(answers(2))
    project.run()

    def held() -> set[str]:
        tables = on_postgres.query(
            "select format('%I.%I', table_schema, table_name) from information_schema.tables"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        )
        texts = [str(on_postgres.query(f"table {table}")).lower() for (table,) in tables]
        return {gone for gone in GONE if any(gone.lower() in text for text in texts)}

    counted = (
        "select group_key, bookings, repeat_visitors, version_count from bookings.booking_metrics"
        " cross join (select sum(version_count) as version_count from bookings.meetings) as m"
        " order by dimension, group_key"
    )
    before = on_postgres.query(counted)
    assert held() >= {ADDRESS, "gone early note", "gone attribute", "gone reject"}
    shutil.rmtree(project.folder / ".dlt" / ".var")  # from a machine that has never run
    done = project.run("--forget", ADDRESS)
    assert done.stdout.startswith("forgotten  contacts: 1; meetings, which still count: 3\n")
    assert held() | found(project, project.home / "aside", GONE) == set()
    assert on_postgres.query(counted) == before
    assert ", 0 versions of them new; 4 rejected" in project.run().stdout
    assert held() == set()
    assert on_postgres.query("select id, company from drift.contacts") == [(OTHER, "kept company")]


def test_rows_travel_as_parquet(project: Project, serve: Serve, on_postgres: Postgres) -> None:
    serve([meeting("m1")])
    done = project.run("--verbose")
    assert "rows copied from meeting_versions" in done.stderr
    assert f"postgres, postgresql://loader:***@127.0.0.1:{on_postgres.line.port}" in done.stdout
    assert {kind for (kind,) in on_postgres.query(
        "select data_type from information_schema.columns where table_schema = 'drift' and"
        " column_name in ('slot_start', 'slot_end', 'updated_at', 'scheduled_at')"
    )} == {"timestamp with time zone"}  # fmt: skip


@pytest.mark.parametrize("cut_after", [0, 60_000, 240_000])
def test_a_line_that_breaks_costs_a_run_and_nothing_else(
    project: Project, serve: Serve, on_postgres: Postgres, cut_after: int
) -> None:
    server = serve([meeting(f"m{n}") for n in range(150)])
    project.run()
    server.set_meetings([meeting(f"m{n}", meetingNotes=f"{n} " * 50) for n in range(300)])
    on_postgres.line.cut_after = cut_after
    done = project.run(code=1)
    assert "Traceback" not in done.stderr
    assert re.search("estination|could not be", done.stderr.splitlines()[-1])
    on_postgres.line.cut_after = None
    assert on_postgres.query("select count(*) from bookings.meetings") == [(150,)]
    project.run()
    assert on_postgres.query(
        "select (select count(*) from bookings.meetings), count(*), count(distinct content_hash)"
        " from drift.meeting_versions"
    ) == [(300, 450, 450)]


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        ("postgresql://loader:wrong@127.0.0.1:{port}/{database}", "password authentication failed"),
        ("postgresql://loader:wrong@127.0.0.1:9/{database}", "Connection refused"),
        (f"postgresql://loader:{PASSWORD}@127.0.0.1:{{port}}/no_such", "does not exist"),
        (f"postgresql://loader:{PASSWORD}@127.0.0.1:{{port}}/postgres", "permission denied"),
        ("postgresql://", "credentials"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(
    project: Project, serve: Serve, postgres: Postgres, credentials: str, sentence: str
) -> None:
    serve([meeting("m1")])
    uri = credentials.format(port=postgres.line.port, database=postgres.database)
    settings = postgres.settings | {"DESTINATION__WAREHOUSE__CREDENTIALS": uri}
    done = zygote().run(project, extra=settings)
    assert done.returncode in (1, 2)
    (said,) = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-", line)]
    assert sentence in said
    assert PASSWORD not in done.stderr
    assert postgres.query("select count(*) from information_schema.schemata"
                          " where schema_name in ('drift', 'bookings')") == [(0,)]  # fmt: skip


def test_runs_of_two_machines_are_kept_apart(
    project: Project, serve: Serve, on_postgres: Postgres, tmp_path: Path
) -> None:
    released = threading.Event()
    records = [meeting("m1")]
    server = serve(lambda: records if released.wait(120) else [])
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")
    another.environment |= project.environment
    first = subprocess.Popen(project.command(), env=project.environ(), stderr=subprocess.PIPE)
    wait_until(lambda: server.requests or first.poll() is not None)
    assert first.poll() is None, first.communicate()
    second = another.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    assert "Another run is under way on this destination" in second.stderr
    first.kill()
    first.communicate()
    released.set()
    # Another machine cannot know that the first is dead before its time is over …
    another.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    project.run()  # … but a run from the same folder does
    another.run()
    on_postgres.query(
        "update drift.run_lease set owner = 'gone', expires_at = now() - interval '1 second'"
    )
    another.run()
    assert on_postgres.query("select owner from drift.run_lease") == [("",)]


def test_an_analyst_blocks_nothing_and_keeps_rights_and_views(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    """With the roles that the README says, made by its own lines."""
    text = (ROOT / "docs" / "destinations.md").read_text("utf-8")
    (roles,) = re.findall(r"```sql\n(create role analyst.+?)```", text, flags=re.S)
    first = meeting("m1")
    server = serve([first])
    project.run()
    on_postgres.query("drop role if exists analyst", on_postgres.admin_uri)
    on_postgres.query(roles.replace("…", PASSWORD), on_postgres.admin_uri)
    analyst = on_postgres.uri("analyst")
    on_postgres.query("create view public_count as select count(*) from bookings.meetings",
                      on_postgres.admin_uri)  # fmt: skip
    with contextlib.closing(on_postgres.connect(analyst)) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read")
            cursor.execute("select count(*) from bookings.meetings")
            server.set_meetings([first, meeting("m2")])
            project.run()
            cursor.execute("select count(*) from bookings.meetings")
            assert cursor.fetchall() == [(1,)]
    assert on_postgres.query("select count(*) from bookings.meetings", analyst) == [(2,)]
    assert on_postgres.query("select count(*) from drift.meeting_versions", analyst) == [(2,)]
    assert on_postgres.query("table public_count", on_postgres.admin_uri) == [(2,)]
    for statement in ("delete from bookings.meetings", "create table bookings.mine (x int)"):
        with pytest.raises(Exception, match="permission denied"):
            on_postgres.query(statement, analyst)


def test_a_view_may_become_a_table_and_a_table_a_view(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    serve([meeting("m1")])
    project.run()
    header = "-- materialized: view\n"
    lead_times, overlaps = (
        project.folder / "sql" / "intermediate" / f"{name}.sql"
        for name in ("int_lead_times", "int_overlaps")
    )
    lead_times.write_text(lead_times.read_text().replace(header, ""))
    overlaps.write_text(re.sub("^(?!--)", header, overlaps.read_text(), count=1, flags=re.M))
    project.run()
    assert on_postgres.query(
        "select table_name, table_type from information_schema.tables"
        " where table_schema = 'bookings_internal'"
        " and table_name in ('int_lead_times', 'int_overlaps') order by 1"
    ) == [("int_lead_times", "BASE TABLE"), ("int_overlaps", "VIEW")]


def test_columns_that_people_look_up_by_are_indexed_and_described(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    serve([meeting("m1")])
    project.run()
    project.run()
    indexes = on_postgres.query(
        "select schemaname || '.' || tablename, substring(indexdef from '\\((.+)\\)')"
        " from pg_indexes where schemaname in ('drift', 'bookings') and tablename"
        " in ('meetings', 'meeting_versions', 'daily_bookings', 'meeting_events') order by 1, 2"
    )
    assert indexes == [
        ("bookings.daily_bookings", "booked_on"),
        ("bookings.meeting_events", "meeting_id"),
        ("bookings.meeting_events", "occurred_at"),
        ("bookings.meetings", "agent_id"),
        ("bookings.meetings", "booked_on"),
        ("bookings.meetings", "meeting_id"),
        ("drift.meeting_versions", "slug, updated_at, content_hash, sync_id"),
    ]
    assert on_postgres.query(
        "select col_description('bookings.meetings'::regclass, 1),"
        " obj_description('bookings.meetings'::regclass)"
    ) == [
        (
            "the meeting (Drift's slug)",
            "The meetings that were booked, each as its newest state shows it. Days are in"
            " bookings.time_zone.",
        )
    ]
