"""What DuckLake has alone, its catalogue in a real PostgreSQL: time travel, one run.

Needs the packages of DuckDB's extensions, which there are for some versions of DuckDB alone (see
docs/testing.md). What all destinations have is in `test_contract`.
"""

import json
from pathlib import Path

import pytest

from tests.conftest import Project, Serve, meeting
from tests.destinations.conftest import PASSWORD, Postgres
from tests.destinations.places import Lake
from tests.destinations.test_contract import NEEDS

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(NEEDS["ducklake"]), reason=NEEDS["ducklake"]),
]


@pytest.fixture
def lake(project: Project, postgres: Postgres, tmp_path: Path) -> Lake:
    """A lake that is empty, for which the project is configured."""
    (tmp_path / "lake").mkdir()
    made = Lake(tmp_path / "lake", postgres.uri(), f"ducklake:postgres:{postgres.uri()}")
    project.environment |= made.settings
    return made


def test_tables_are_there_as_of_a_run_and_another_machine_waits(
    project: Project, serve: Serve, lake: Lake, tmp_path: Path
) -> None:
    first = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80)]
    more = [meeting(f"m{n}", meetingSource=f"S{n % 3}") for n in range(80, 120)]
    server = serve(first)
    project.keep_few_models()
    project.run()
    server.set_meetings([*first, *more])
    done = project.run()
    assert PASSWORD not in done.stdout + done.stderr

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
    another.keep_few_models()
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
