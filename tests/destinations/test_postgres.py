"""The whole run into a real PostgreSQL: the same tables, the same guarantees."""

import contextlib
import math
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Project, Serve, meeting, zygote
from tests.destinations.conftest import PASSWORD, Postgres
from tests.synthetic import synthetic_meetings
from tests.test_crash import organisation, people
from tests.test_forget import ADDRESS, GONE, OTHER, PERSON, answers
from tests.test_personal import found

Row = tuple[Any, ...]

RUN_TIMES = ("sync_id", "delisted_at", "started_at", "newest_sync_at", "read_at")
"""Columns that tell when a run took place: two runs do not have them in common."""


def plain(value: Any) -> Any:
    """A value as both drivers could have given it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return float(value) if isinstance(value, Decimal) else value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return bool(plain(one) == plain(other))


def assert_same_rows(name: str, one: Sequence[Row], other: Sequence[Row]) -> None:
    assert len(one) == len(other), name

    def order(row: Row) -> str:
        return repr(tuple(round(v, 6) if isinstance(v, float) else v for v in map(plain, row)))

    for left, right in zip(sorted(one, key=order), sorted(other, key=order), strict=True):
        assert all(map(same, left, right)), f"{name}: {left} is not {right}"


def columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


def each_destination(project: Project, postgres: Postgres) -> Iterator[None]:
    """The project on DuckDB, and then on PostgreSQL."""
    bare = project.environment
    for settings in ({}, postgres.settings):
        project.environment = bare | settings
        yield
    project.environment = bare


COLUMNS = """
    select table_schema || '.' || table_name, column_name from information_schema.columns
    where table_schema in ('drift', 'bookings') and left(table_name, 4) <> '_dlt'
        and table_name not in ('syncs', 'stg_now', 'data_health', 'run_lease')
        and left(column_name, 4) <> '_dlt'
    order by 1, ordinal_position
"""


def timeless(name: str, held: Sequence[str]) -> str:
    """Reads a table, but for when the runs took place."""
    names = ", ".join(f'"{column}"' for column in held if column not in RUN_TIMES)
    noticed = "case when event_type <> 'delisted' then occurred_at end"
    return f"select {names} from {name}".replace('"occurred_at"', noticed)


def assert_as_on_duckdb(project: Project, postgres: Postgres) -> None:
    """Every raw table and every model, but for when the runs took place."""
    on_duckdb, on_postgres = columns(project.query(COLUMNS)), columns(postgres.query(COLUMNS))
    assert {name: set(held) for name, held in on_duckdb.items()} == {
        name: set(held) for name, held in on_postgres.items()
    }
    for name, held in on_duckdb.items():
        query = timeless(name, held)
        assert_same_rows(name, project.query(query), postgres.query(query))


def test_two_variables_take_a_project_to_postgres_with_the_same_tables(
    project: Project, serve: Serve, postgres: Postgres
) -> None:
    days = organisation(1), organisation(2)
    server = serve([], serves_unscheduled=True)
    project.environment["SOURCES__DRIFT__CONVERSATIONS"] = "true"
    for _ in each_destination(project, postgres):
        for day, records in enumerate(days, 1):
            server.set_meetings(records)
            server.people = people(day)
            done = project.run()
    assert_as_on_duckdb(project, postgres)
    assert f"postgres, postgresql://loader:***@127.0.0.1:{postgres.line.port}" in done.stdout
    before = postgres.tables()
    project.environment |= postgres.settings
    assert ", 0 versions of them new" in project.run().stdout
    assert postgres.tables() == before


def test_personal_data_that_was_kept_is_dropped_as_on_duckdb(
    project: Project, serve: Serve, postgres: Postgres
) -> None:
    noted = [meeting(f"m{n}", schedulerId=n, agentId=n, extra="text") for n in range(4)]
    serve([*noted, b'{"slug": 7}'], serves_unscheduled=True, people=people(1))
    for _ in each_destination(project, postgres):
        project.run()
        project.environment |= {"SOURCES__DRIFT__PERSONAL_DATA": "drop"}
        project.run("--apply-personal-data")
        assert ", 0 versions of them new" in project.run().stdout
    assert_as_on_duckdb(project, postgres)
    assert postgres.query(
        "select count(meeting_notes), count(other_attributes), count(*) from drift.meeting_versions"
    ) == [(0, 0, 4)]
    assert postgres.query("select count(email), count(*) from drift.contacts") == [(0, 4)]
    assert postgres.query("select count(email), count(name), count(*) from drift.users") == [
        (0, 0, 4)
    ]


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


def test_attributes_of_every_kind_land_as_on_duckdb(
    project: Project, serve: Serve, postgres: Postgres
) -> None:
    server = serve(
        [
            meeting("bare", **dict.fromkeys(("agentId", "meetingNotes", "status"), None)),
            meeting("text", meetingNotes="quote ' percent % back\\slash\nline \x00 \u20ac"),
            meeting("more", isRecurring=True, score=1.5, rank=3, conferenceDetails={"a": [1]}),
        ]
    )
    for _ in each_destination(project, postgres):
        project.run()
    server.set_meetings(
        [
            meeting("more", updatedAt=1, isRecurring="sometimes", score="high", rank=2**62),
            meeting("names", **{"a" * 80: 1, "a" * 79 + "b": 2, "order": "by", "Group %": 5}),
        ]
    )
    for _ in each_destination(project, postgres):
        project.run()
        assert ", 0 versions of them new" in project.run().stdout
    assert_as_on_duckdb(project, postgres)
    assert {kind for (kind,) in postgres.query(
        "select data_type from information_schema.columns where table_schema = 'drift' and"
        " column_name in ('slot_start', 'slot_end', 'updated_at', 'scheduled_at')"
    )} == {"timestamp with time zone"}  # fmt: skip


def test_rows_travel_as_parquet(project: Project, serve: Serve, on_postgres: Postgres) -> None:
    serve([meeting("m1")])
    done = project.run("--verbose")
    assert "rows copied from meeting_versions" in done.stderr


def test_a_machine_that_has_never_run_goes_on_where_the_last_one_stopped(
    project: Project, serve: Serve, on_postgres: Postgres, tmp_path: Path
) -> None:
    server = serve(synthetic_meetings(2500, "uniform", datetime.now(UTC)))
    project.environment["SOURCES__DRIFT__CONTACTS"] = "false"  # each run would read the next ones
    project.run()
    before = on_postgres.tables()
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")
    another.environment |= project.environment
    already = len(server.requests)
    assert ", 0 versions of them new" in another.run().stdout
    asked = [asked.path for asked in server.requests[already:]]
    assert on_postgres.tables() == before
    # by the windows that the first machine had cut, and for nobody whom it had asked for
    assert asked == ["/users/meetings/org"] * 3 + ["/users/list", "/teams/org", "/playbooks/list"]
    assert on_postgres.query("select count(*) from drift.syncs") == [(2,)]


def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    project: Project, serve: Serve, on_postgres: Postgres, kills: int, tmp_path: Path
) -> None:
    server = serve(organisation(1), serves_unscheduled=True)
    project.run()
    shutil.copytree(project.folder, tmp_path / "before")
    admin = on_postgres.admin_uri.replace(on_postgres.database, "postgres")
    template, here = f"{on_postgres.database}_before", on_postgres.database
    on_postgres.query(f"create database {template} template {here}", admin)
    server.set_meetings(organisation(2))
    events = zygote().run(project, counts=True).events
    expected = told(on_postgres)
    for kill in range(max(2, kills // 5)):
        on_postgres.query(f"drop database {here} with (force)", admin)
        on_postgres.query(f"create database {here} template {template}", admin)
        on_postgres.query(f"grant create on database {here} to loader", admin)
        shutil.rmtree(project.folder)
        shutil.copytree(tmp_path / "before", project.folder)
        moment = 1 + kill * events // max(2, kills // 5)
        assert zygote().run(project, counts=True, kill_at=moment).returncode == -9
        project.run()
        assert told(on_postgres) == expected, f"killed at {moment} of {events}"


def told(postgres: Postgres) -> dict[str, list[Row]]:
    """Every table, but for when the runs took place."""
    found = {}
    for name, held in columns(postgres.query(COLUMNS)).items():
        found[name] = sorted(postgres.query(timeless(name, held)), key=repr)
    return found


@pytest.mark.parametrize("cut_after", [0, 20_000, 60_000])
def test_a_line_that_breaks_costs_a_run_and_nothing_else(
    project: Project, serve: Serve, on_postgres: Postgres, cut_after: int
) -> None:
    server = serve([meeting(f"m{n}") for n in range(150)])
    project.run()
    server.set_meetings([meeting(f"m{n}", meetingNotes=f"{n} " * 50) for n in range(300)])
    on_postgres.line.cut_after = cut_after
    done = project.run(code=1)
    assert "Traceback" not in done.stderr
    assert "estination" in done.stderr.splitlines()[-1]
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
    done = subprocess.run(
        project.command(),
        env=project.environ(
            DESTINATION__WAREHOUSE__DESTINATION_TYPE="postgres",
            DESTINATION__WAREHOUSE__CREDENTIALS=uri,
        ),
        capture_output=True,
        text=True,
        check=False,
    )
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
    server = serve(lambda: records if released.wait(20) else [])
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")
    another.environment |= project.environment
    first = subprocess.Popen(project.command(), env=project.environ(), stderr=subprocess.PIPE)
    while not server.requests:
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


def test_a_failing_check_leaves_the_last_good_tables(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    server = serve([meeting("m1")])
    project.run()
    before = {name: rows for name, rows in on_postgres.tables().items() if "bookings" in name}
    server.set_meetings([meeting("m1"), meeting("m2")])
    check = project.folder / "sql/checks/nothing_is_booked.sql"
    check.write_text("-- No meeting exists.\nselect meeting_id from bookings.meetings order by 1")
    done = project.run(code=1)
    assert "a check found rows. nothing is booked: meeting_id=m1; meeting_id=m2" in done.stderr
    after = on_postgres.tables()
    assert {name: after[name] for name in before} == before
    check.unlink()
    project.run()
    assert on_postgres.query("select count(*) from bookings.meetings") == [(2,)]


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
