"""The models in a copy of the pipeline's DuckDB file, which is written as it grows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.models.conftest import SQL
from tests.models.invent import invent
from tests.models.test_against_an_independent_computation import load
from warehouse import publish
from warehouse.build import Project
from warehouse.models import Model, ModelsError

PROJECT = Project.read(SQL, {"time_zone": "UTC"})


Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "raw_words", lambda _: {})


def build(copy: Path, project: Project) -> Path:
    """Builds a copy, the raw tables of which are invented."""
    with duckdb.connect(str(copy)) as connection:
        load(connection, invent(1, "UTC"))
    pipeline: Any = None  # it is asked for its words alone
    publish.build_copy(pipeline, copy, project, "500MB")
    return copy


def models(copy: Path) -> Rows:
    """The rows of each table that was made."""
    made = (
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'drift'"
    )
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        names = [name for (name,) in connection.execute(made).fetchall()]
        return {n: sorted(connection.execute(f"from {n}").fetchall(), key=repr) for n in names}


def test_a_copy_that_is_written_after_each_table_holds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = models(build(tmp_path / "whole.duckdb", PROJECT))
    monkeypatch.setattr(publish, "MOST_UNWRITTEN", 0)
    assert models(build(tmp_path / "parts.duckdb", PROJECT)) == whole
    assert whole["bookings.meetings"]


def test_tables_that_are_written_are_refused_all_the_same_where_a_check_finds_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(PROJECT, checks=[Model("never_right", "checks", "select 1 as found")])
    for most, is_written in ((publish.MOST_UNWRITTEN, False), (0, True)):
        monkeypatch.setattr(publish, "MOST_UNWRITTEN", most)
        copy = tmp_path / f"{most}.duckdb"
        with pytest.raises(ModelsError, match="never right: found=1"):
            build(copy, project)
        assert bool(models(copy)) == is_written
