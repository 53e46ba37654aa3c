"""Each workaround is still needed: dlt and DuckDB alone still do what it is there for.

A test that fails here says that a workaround can go, or has to follow a new version.
"""

import shutil
import struct
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.common.storages.exceptions import SchemaNotFoundError
from dlt.pipeline.exceptions import PipelineStepFailed

from warehouse.destination import duckdb_file
from warehouse.recovery import finish_interrupted, repair
from warehouse.workarounds import (
    DLT_DESCRIPTIONS,
    is_newer_format,
    mark_as_seen,
    packages,
)

ROWS = [{"id": 1}, {"id": 2}]


def opened(folder: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        "killed",
        destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
        dataset_name="raw",
        pipelines_dir=str(folder),
    )


@dlt.resource(name="things")
def things() -> Any:
    yield ROWS


def stored(pipeline: dlt.Pipeline) -> list[int]:
    file = duckdb_file(pipeline)
    assert file
    with duckdb.connect(str(file), read_only=True) as connection:
        return sorted(n for (n,) in connection.execute("select id from raw.things").fetchall())


def test_dlt_takes_a_file_aside_for_a_schema(tmp_path: Path) -> None:
    opened(tmp_path).extract(things())
    (tmp_path / "killed" / "schemas" / "d41d8cd98f00b204").write_text("{")
    with pytest.raises(SchemaNotFoundError):
        list(opened(tmp_path).schemas.values())
    repair(tmp_path / "killed")
    assert [schema.name for schema in opened(tmp_path).schemas.values()] == ["killed"]


def test_dlt_makes_a_package_again_from_what_is_left_of_its_source(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    pipeline.extract(things())
    (load_id,) = pipeline.list_extracted_load_packages()
    pipeline.normalize()
    extracted = tmp_path / "killed" / "normalize" / "extracted" / load_id
    extracted.mkdir()
    with pytest.raises(PipelineStepFailed):
        opened(tmp_path).normalize()
    extracted.mkdir(exist_ok=True)
    repair(tmp_path / "killed")
    finish_interrupted(opened(tmp_path))
    assert stored(pipeline) == [1, 2]


def test_what_was_read_is_loaded_with_the_schema_of_its_package(tmp_path: Path) -> None:
    opened(tmp_path).extract(things())
    for schema in (tmp_path / "killed" / "schemas").glob("*"):
        schema.unlink()
    again = opened(tmp_path)
    finish_interrupted(again)
    assert stored(again) == [1, 2]


@dlt.resource(name="things")
def more_things() -> Any:
    state = dlt.current.resource_state()
    state["runs"] = state.get("runs", 0) + 1
    yield [{"id": state["runs"]}]


@pytest.mark.parametrize("text", ["", "{}", '{"a', "\0\0\0"])
@pytest.mark.parametrize("name", ["state.json", "schemas/killed.schema.json"])
def test_dlt_fails_on_a_torn_file_of_its_own_and_goes_on_from_the_destination(
    tmp_path: Path, name: str, text: str
) -> None:
    opened(tmp_path).run(more_things())
    torn = tmp_path / "killed" / name
    torn.write_text(text)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
        opened(tmp_path).run(more_things())
    torn.write_text(text)
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    finish_interrupted(again)
    again.run(more_things())
    assert stored(again) == [1, 2]


def test_a_schema_that_is_lost_is_taken_from_the_destination(tmp_path: Path) -> None:
    opened(tmp_path).run(more_things())
    (schema := tmp_path / "killed/schemas/killed.schema.json").unlink()
    with pytest.raises(SchemaNotFoundError):
        opened(tmp_path).destination_client()
    assert not schema.exists()
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    again.destination_client()
    again.run(more_things())
    assert stored(again) == [1, 2]


@pytest.mark.parametrize("torn", ["state.json", "schemas/killed.schema.json"])
@pytest.mark.parametrize("is_normalized", [False, True])
def test_what_waits_to_be_loaded_outlives_torn_files_beside_it(
    tmp_path: Path, torn: str, is_normalized: bool
) -> None:
    opened(tmp_path).run(more_things())
    opened(tmp_path).extract(more_things())
    if is_normalized:
        opened(tmp_path).normalize()
    (tmp_path / "killed" / torn).write_text("")
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    finish_interrupted(again)
    assert stored(again) == [1, 2]
    again.run(more_things())
    assert stored(again) == [1, 2, 3]


@pytest.mark.parametrize("is_normalized", [False, True])
def test_a_package_that_is_torn_itself_is_put_aside_and_read_again(
    tmp_path: Path, is_normalized: bool
) -> None:
    opened(tmp_path).run(more_things())
    opened(tmp_path).extract(more_things())
    folder = "normalize/extracted"
    if is_normalized:
        opened(tmp_path).normalize()
        folder = "load/normalized"
    (package,) = (tmp_path / "killed" / folder).iterdir()
    (package / "schema.json").write_text("")
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    finish_interrupted(again)
    again.run(more_things())
    assert stored(again) == [1, 2]
    assert package.name in [path.name for path in packages(again) if path.parent.name == "broken"]


MERGED: Any = {"primary_key": "id", "write_disposition": "merge"}


@dlt.resource(name="things", **MERGED)
def merged_things(*ids: int) -> Any:
    yield pa.table({"id": ids})


class Killed(BaseException):
    """In the place of a process's end."""


def test_what_had_begun_to_be_loaded_is_loaded_from_its_beginning_whatever_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    opened(one).run(merged_things(1, 2))
    opened(one).extract(merged_things(1, 3))
    opened(one).normalize()
    (package,) = (one / "killed/load/normalized").iterdir()

    def kill(*_: object) -> None:
        if list(package.glob("new_jobs/things.*.sql")):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load._persist_job_metrics_to_state", kill)
        with pytest.raises(Killed):
            opened(one).load()
    shutil.copytree(one, other)
    for folder in (one, other):
        (statements,) = folder.rglob("things.*.sql")
        statements.write_text(statements.read_text().split("\n", 1)[0])  # the rest is gone
    opened(other).load()
    assert stored(opened(other)) == [2]

    (package / "load_package_state.json").write_text("{")
    repair(one / "killed")
    assert (package / "schema_updates.json").exists()  # dlt empties first what it merges from
    (job,) = package.glob("new_jobs/things.*")
    assert job.name.endswith(".1.parquet")  # BigQuery would take it for done by its former name
    again = opened(one)
    finish_interrupted(again)
    assert stored(again) == [1, 2, 3]


@pytest.mark.parametrize("runs_before", [0, 1])
def test_the_state_of_a_load_that_begins_again_is_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs_before: int
) -> None:
    merged = more_things().apply_hints(**MERGED)
    for _ in range(runs_before):
        opened(tmp_path).run(merged)
    opened(tmp_path).extract(merged)
    opened(tmp_path).normalize()
    (load_id,) = opened(tmp_path).list_normalized_load_packages()

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load.complete_package", kill)
        with pytest.raises(Killed):
            opened(tmp_path).load()
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    finish_interrupted(again)
    with again.sql_client() as client:
        states = client.execute_sql("select _dlt_load_id from _dlt_pipeline_state")
    assert [one for (one,) in states or () if one == load_id] == [load_id]  # PostgreSQL takes one


def test_a_first_package_that_is_torn_is_put_aside_before_there_is_anything_to_load(
    tmp_path: Path,
) -> None:
    opened(tmp_path).extract(more_things())
    shutil.rmtree(tmp_path / "killed" / "load", ignore_errors=True)  # as a kill leaves it
    (torn,) = (tmp_path / "killed/normalize/extracted").glob("*/schema.json")
    torn.write_text("")
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    finish_interrupted(again)
    again.run(more_things())
    assert stored(again) == [1]


@pytest.mark.parametrize("text", ["", "1.", "\0\0\0"])
@pytest.mark.parametrize("name", ["load/.version", "normalize/.version", "trace.pickle"])
def test_other_torn_files_of_dlt_do_no_harm(tmp_path: Path, name: str, text: str) -> None:
    opened(tmp_path).run(more_things())
    (tmp_path / "killed" / name).write_text(text)
    repair(tmp_path / "killed")
    again = opened(tmp_path)
    again.run(more_things())
    assert stored(again) == [1, 2]


def test_dlt_keeps_the_files_of_what_it_has_loaded_and_a_run_those_of_the_newest(
    tmp_path: Path,
) -> None:
    pipeline = opened(tmp_path)
    ids = [pipeline.run(things()).loads_ids[0] for _ in range(8)]
    assert sorted(path.name for path in packages(pipeline)) == ids
    finish_interrupted(pipeline)
    assert sorted(path.name for path in packages(pipeline)) == ids[-5:]
    assert pipeline.list_completed_load_packages() == ids[-5:]
    assert pipeline.get_load_package_info(ids[-1]).state == "loaded"


def test_dlt_counts_no_rows_of_tables_that_it_has_not_seen(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    pipeline.run(things())
    schema = pipeline.default_schema.clone()
    table: Any = schema.tables["things"]
    del table["x-normalizer"]
    destination = pipeline.destination
    assert destination
    with pytest.raises(ValueError, match="query"):  # of no tables at all
        dlt.dataset(destination, "raw", schema=schema).row_counts()
    mark_as_seen(table)
    seen = dlt.dataset(destination, "raw", schema=schema)
    assert seen.row_counts().fetchall() == [("things", 2)]


def test_dlt_describes_its_tables_except_these(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    pipeline.run(things())
    tables = pipeline.default_schema.tables
    for table, column in DLT_DESCRIPTIONS:
        hints: Any = tables[table] if column is None else tables[table]["columns"][column]
        assert "description" not in hints
    assert "description" in tables["_dlt_loads"]


def test_duckdb_refuses_a_newer_file_in_these_words_and_an_absent_one_in_others(
    tmp_path: Path,
) -> None:
    file = tmp_path / "x.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table x as select 1 as y").fetchall()
    header = bytearray(file.read_bytes()[:4096])
    header[12:20] = (999).to_bytes(8, "little")  # after a checksum and DUCK: the format's version
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", header[8:]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % (1 << 64)
    with file.open("r+b") as stored_file:
        stored_file.write(struct.pack("<Q", checksum) + header[8:])
    with pytest.raises(duckdb.IOException) as refused:
        duckdb.connect(str(file))
    assert is_newer_format(refused.value)
    with pytest.raises(duckdb.IOException) as absent:
        duckdb.connect(str(tmp_path / "no such folder" / "x.duckdb"))
    assert not is_newer_format(absent.value)
