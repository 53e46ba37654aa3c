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
from tests.destinations.conftest import PASSWORD
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
    def is_shared(self) -> bool:
        """Whether several processes can open it at a time: not with a catalogue in a file."""
        return "postgres" in self.attached

    @property
    def options(self) -> str:
        schema = ", metadata_schema 'lake'" if self.is_shared else ""
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
        uri = request.getfixturevalue("postgres").uri()
        made = Lake(folder, uri, f"ducklake:postgres:{uri}")
    project.environment |= made.settings
    return made


COMPARED = ("meetings", "meeting_events", "bookings_by_source", "bookings_by_agent")


def test_runs_end_in_the_tables_of_duckdb_and_those_of_a_run_can_be_asked_for(
    project: Project, serve: Serve, lake: Lake, tmp_path: Path
) -> None:
    first = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80)]
    more = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80, 120)]
    then = [meeting(f"m{n}", meetingSource=f"S{n % 3}", status="CANCELED") for n in range(40)]
    server = serve(first)
    on_lake, on_duckdb = dict(project.environment), dict(project.environment)
    for name in lake.settings:
        del on_duckdb[name]
    for number, records in enumerate((first, [*then, *first[40:], *more])):
        server.set_meetings(records)
        project.environment = dict(on_duckdb)
        project.run()
        project.environment = dict(on_lake)
        with readers(lake, is_reading=number > 0 and lake.is_shared) as seen:
            done = project.run()
        assert PASSWORD not in done.stdout + done.stderr
        assert seen <= {(80, 80, 80), (120, 120, 120)}, "half of a run"
    assert ((80, 80, 80) in seen) is lake.is_shared
    for name in COMPARED:
        project.environment = dict(on_duckdb)
        expected = project.query(f"from bookings.{name} order by all")
        assert lake.query(f"from lake.bookings.{name} order by all") == expected

    # By the query of the documentation: a run's state lasts until the next one starts.
    runs = lake.query("select started_at from lake.drift.syncs order by 1")
    as_of = f"at (timestamp => timestamptz '{runs[1][0]}')"
    assert lake.query("select count(*) from lake.bookings.meetings") == [(120,)]
    assert lake.query(f"select count(*) from lake.bookings.meetings {as_of}") == [(80,)]
    assert lake.query(f"select count(*) from lake.drift.meeting_versions {as_of}") == [(80,)]

    # Another machine waits for a run that is under way, and goes on where it stopped.
    project.environment = dict(on_lake)
    another = project
    if lake.is_shared:
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
    assert ", 0 versions of them new" in another.run().stdout
    assert lake.query("select count(*) from lake.drift.meeting_versions") == [(160,)]
    assert lake.query(
        "select comment from duckdb_columns() where database_name = 'lake'"
        " and schema_name = 'drift' and table_name = 'meeting_versions' and column_name = 'slug'"
    ) == [("The meeting's id.",)]
    for trace in project.folder.rglob("trace.pickle"):
        assert PASSWORD.encode() not in trace.read_bytes()


@contextmanager
def readers(lake: Lake, *, is_reading: bool) -> Iterator[set[tuple[Any, ...]]]:
    """What an analyst counts all the while, three ways each time."""
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
    if is_reading:
        reader.start()
    try:
        yield seen
    finally:
        over.set()
        if is_reading:
            reader.join()
