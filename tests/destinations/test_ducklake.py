"""The whole run into DuckLake, its catalogue in a DuckDB file and in a real PostgreSQL.

Needs the packages of DuckDB's extensions, which there are for some versions of DuckDB alone:

    uv run --isolated --group dev --with duckdb-extension-ducklake==1.5.5 \
        --with duckdb-extension-postgres-scanner==1.5.5 pytest tests/destinations/test_ducklake.py
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Project, Serve, meeting
from tests.destinations.conftest import PASSWORD, Postgres
from warehouse.ducklake import PACKAGES, packaged

MISSING = [package for name, package in PACKAGES.items() if not packaged(name)]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)} for DuckDB {duckdb.__version__}"
)

Rows = list[tuple[Any, ...]]


@dataclass
class Lake:
    """A DuckLake, as the project is configured for it and as an analyst opens it."""

    folder: Path
    catalogue: str
    attached: str

    @property
    def settings(self) -> dict[str, str]:
        """The variables that take a project from DuckDB to here."""
        key = "DESTINATION__WAREHOUSE__CREDENTIALS"
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "ducklake",
            f"{key}__DUCKLAKE_NAME": "lake",
            f"{key}__CATALOG": self.catalogue,
            f"{key}__STORAGE__BUCKET_URL": str(self.folder),
        }

    @contextmanager
    def open(self, access: str = "read_only") -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect() as connection:
            for name in PACKAGES:
                connection.execute(f"install {packaged(name)}").fetchall()
            connection.execute("set timezone = 'UTC'").fetchall()
            connection.execute(
                f"attach '{self.attached}' as lake ({self.options}, {access})"
            ).fetchall()
            yield connection

    @property
    def options(self) -> str:
        schema = ", metadata_schema 'lake'" if "postgres" in self.attached else ""
        return f"data_path '{self.folder}'{schema}"

    def change(self, sql: str) -> None:
        with self.open("read_write") as connection:
            connection.execute(sql).fetchall()

    def query(self, sql: str) -> Rows:
        with self.open() as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(params=["duckdb", "postgres"])
def lake(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Lake:
    """A lake that is empty, for which the project is configured."""
    folder = tmp_path / "lake"
    folder.mkdir()
    if request.param == "duckdb":
        file = tmp_path / "catalogue.duckdb"
        made = Lake(folder, f"duckdb:///{file}", f"ducklake:{file}")
    else:
        made = in_postgres(folder, request.getfixturevalue("postgres"))
    project.environment |= made.settings
    return made


def in_postgres(folder: Path, postgres: Postgres) -> Lake:
    return Lake(folder, postgres.uri(), f"ducklake:postgres:{postgres.uri()}")


COMPARED = ("meetings", "meeting_events", "bookings_by_source", "bookings_by_agent")


def test_runs_end_in_the_tables_of_duckdb_and_a_run_without_changes_adds_nothing(
    project: Project, serve: Serve, lake: Lake
) -> None:
    first = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(120)]
    server = serve(first)
    then = [meeting(f"m{n}", meetingSource=f"S{n % 3}", status="CANCELED") for n in range(40)]
    on_lake, on_duckdb = dict(project.environment), dict(project.environment)
    for name in lake.settings:
        del on_duckdb[name]
    for records in (first, [*then, *first[40:]]):
        server.set_meetings(records)
        for environment in (on_lake, on_duckdb):
            project.environment = dict(environment)
            done = project.run()
            assert PASSWORD not in done.stdout + done.stderr
    for name in COMPARED:
        expected = project.query(f"from bookings.{name} order by all")
        assert lake.query(f"from lake.bookings.{name} order by all") == expected
    project.environment = on_lake
    before = lake.query("select count(*) from lake.drift.meeting_versions")
    assert ", 0 versions of them new" in project.run().stdout
    assert lake.query("select count(*) from lake.drift.meeting_versions") == before
    assert lake.query("select count(*) from lake.bookings.meetings") == [(120,)]
    assert lake.query(
        "select comment from duckdb_columns() where database_name = 'lake'"
        " and schema_name = 'drift' and table_name = 'meeting_versions' and column_name = 'slug'"
    ) == [("The meeting's id.",)]
    for trace in project.folder.rglob("trace.pickle"):
        assert PASSWORD.encode() not in trace.read_bytes()


def test_the_tables_as_of_a_run_can_be_asked_for(
    project: Project, serve: Serve, lake: Lake
) -> None:
    """By the query of the documentation: a run's state lasts until the next one starts."""
    server = serve([meeting("m1")])
    project.run()
    server.set_meetings([meeting("m1"), meeting("m2")])
    project.run()
    runs = lake.query("select started_at from lake.drift.syncs order by 1")
    assert lake.query("select count(*) from lake.bookings.meetings") == [(2,)]
    as_of = f"at (timestamp => timestamptz '{runs[1][0]}')"
    assert lake.query(f"select count(*) from lake.bookings.meetings {as_of}") == [(1,)]
    assert lake.query(f"select count(*) from lake.drift.meeting_versions {as_of}") == [(1,)]


def test_readers_never_see_half_of_a_run(
    project: Project, serve: Serve, postgres: Postgres, tmp_path: Path
) -> None:
    lake = in_postgres(tmp_path / "lake", postgres)
    lake.folder.mkdir()
    project.environment |= lake.settings
    server = serve([meeting(f"m{n}") for n in range(60)])
    project.run()
    server.set_meetings([meeting(f"m{n}") for n in range(150)])
    seen: set[tuple[Any, ...]] = set()
    over = threading.Event()

    def read() -> None:
        with lake.open() as connection:
            while not over.is_set():
                (row,) = connection.execute(
                    "select (select count(*) from lake.bookings.meetings),"
                    " (select sum(bookings) from lake.bookings.bookings_by_source),"
                    " (select sum(bookings) from lake.bookings.daily_bookings)"
                ).fetchall()
                seen.add(row)

    reader = threading.Thread(target=read)
    reader.start()
    project.run()
    over.set()
    reader.join()
    assert seen <= {(60, 60, 60), (150, 150, 150)}
    assert (60, 60, 60) in seen


def test_runs_of_two_machines_are_kept_apart(
    project: Project, serve: Serve, postgres: Postgres, tmp_path: Path
) -> None:
    lake = in_postgres(tmp_path / "lake", postgres)
    lake.folder.mkdir()
    project.environment |= lake.settings
    serve([meeting("m1")])
    project.run()
    assert lake.query("select owner from lake.drift.run_lease") == [("",)]
    until = "now() + interval 1 hour"
    lake.change(f"update lake.drift.run_lease set owner = 'elsewhere', expires_at = {until}")
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")
    another.environment |= project.environment
    done = another.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    assert "Another run is under way on this destination (by elsewhere" in done.stderr
    assert json.loads(another.run("--status", "--json").stdout)["run_under_way"] is True
    lake.change("update lake.drift.run_lease set expires_at = now() - interval 1 second")
    # … and the other machine goes on where the first one stopped
    assert ", 0 versions of them new" in another.run().stdout
