"""An archive that goes from DuckDB into a real PostgreSQL, and from there into files again."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Project, Serve
from tests.destinations.conftest import Postgres
from tests.destinations.places import assert_same_rows
from tests.test_crash import organisation, people

pytestmark = pytest.mark.process


def rows(file: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and types of a file's columns, by name, and its rows."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'").fetchall()
        columns = connection.execute(f"describe from '{file}'").fetchall()
        wide = {"INTEGER": "BIGINT"}  # PostgreSQL counts in 32 bits where a model counts by hand
        names = sorted(f'"{name}" {wide.get(kind, kind)}' for name, kind, *_ in columns)
        wanted = ", ".join(name.split()[0] for name in names)
        return names, connection.execute(f"select {wanted} from '{file}'").fetchall()


def test_an_archive_of_postgresql_is_that_of_duckdb_from_which_it_was_imported(
    project: Project, postgres: Postgres, serve: Serve, tmp_path: Path
) -> None:
    serve(organisation(2), people=people(2), serves_unscheduled=True)
    project.run(SOURCES__DRIFT__CONVERSATIONS="true")
    one, other = tmp_path / "one", tmp_path / "other"
    project.run("--archive", str(one))
    project.environment |= postgres.settings
    project.run("--import", str(one))
    project.run("--archive", str(other))
    files = sorted(file.relative_to(one) for file in one.rglob("*.parquet"))
    assert files == sorted(file.relative_to(other) for file in other.rglob("*.parquet"))
    for file in files:
        (names, before), (same_names, after) = rows(one / file), rows(other / file)
        assert names == same_names, file
        assert_same_rows(str(file), before, after)
