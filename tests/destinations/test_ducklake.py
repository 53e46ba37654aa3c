"""What DuckLake has alone, its catalogue in a real PostgreSQL: readers, time travel, one run.

Needs the packages of DuckDB's extensions, which there are for some versions of DuckDB alone (see
docs/testing.md). What all destinations have is in `test_contract`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project, Serve, meeting
from tests.destinations.conftest import PASSWORD, Postgres
from tests.destinations.places import Lake
from tests.destinations.test_contract import NEEDS

pytestmark = pytest.mark.skipif(bool(NEEDS["ducklake"]), reason=NEEDS["ducklake"])


@pytest.fixture
def lake(project: Project, postgres: Postgres, tmp_path: Path) -> Lake:
    """A lake that is empty, for which the project is configured."""
    (tmp_path / "lake").mkdir()
    made = Lake(tmp_path / "lake", postgres.uri(), f"ducklake:postgres:{postgres.uri()}")
    project.environment |= made.settings
    return made


def test_readers_see_one_run_whole_and_another_machine_waits(
    project: Project, serve: Serve, lake: Lake, tmp_path: Path
) -> None:
    first = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80)]
    more = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80, 120)]
    server = serve(first)
    project.run()
    server.set_meetings([*first, *more])
    with readers(lake) as seen:
        done = project.run()
    assert PASSWORD not in done.stdout + done.stderr
    assert (80, 80, 80) in seen
    assert seen <= {(80, 80, 80), (120, 120, 120)}, "half of a run"

    # By the query of the documentation: a run's state lasts until the next one starts.
    runs = lake.query("select started_at from drift.syncs order by 1")
    as_of = f"at (timestamp => timestamptz '{runs[1][0]}')"
    assert lake.query("select count(*) from bookings.meetings") == [(120,)]
    assert lake.query(f"select count(*) from bookings.meetings {as_of}") == [(80,)]
    assert lake.query(f"select count(*) from drift.meeting_versions {as_of}") == [(80,)]

    assert lake.query("select owner from drift.run_lease") == [("",)]
    until = "now() + interval 1 hour"
    lake.change(f"update drift.run_lease set owner = 'elsewhere', expires_at = {until}")
    (tmp_path / "another").mkdir()
    another = Project.copied_to(tmp_path / "another")
    another.environment |= project.environment
    done = another.run(code=3, BOOKINGS__LOCK_WAIT_SECONDS="0.1")
    assert "Another run is under way on this destination (by elsewhere" in done.stderr
    assert json.loads(another.run("--status", "--json").stdout)["run_under_way"] is True
    lake.change("update drift.run_lease set expires_at = now() - interval 1 second")
    assert ", 0 versions of them new" in another.run().stdout
    assert lake.query(
        "select comment from duckdb_columns() where database_name = 'lake'"
        " and schema_name = 'drift' and table_name = 'meeting_versions' and column_name = 'slug'"
    ) == [("The meeting's id.",)]
    for trace in project.folder.rglob("trace.pickle"):
        assert PASSWORD.encode() not in trace.read_bytes()


@contextmanager
def readers(lake: Lake) -> Iterator[set[tuple[Any, ...]]]:
    """What an analyst counts all the while, three ways each time."""
    seen: set[tuple[Any, ...]] = set()
    over = threading.Event()

    def read() -> None:
        with lake.open() as connection:
            while not over.is_set():
                (row,) = connection.execute(
                    "select (select count(*) from bookings.meetings),"
                    " (select sum(bookings) from bookings.bookings_by_source),"
                    " (select sum(bookings) from bookings.daily_bookings)"
                ).fetchall()
                seen.add(row)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()
