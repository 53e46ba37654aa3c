"""What leans on the insides of dlt and DuckDB: each with the version that needs it, and why.

`tests/test_workarounds.py` fails once one is no longer needed, where that can be told, or no longer
works. Nothing of theirs is replaced.
"""

import gzip
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import duckdb
from dlt import Pipeline
from dlt.common.schema import Schema
from dlt.common.schema.typing import C_DLT_LOAD_ID, TTableSchema
from dlt.common.storages import (
    LoadStorage,
    NormalizeStorage,
    PackageStorage,
    ParsedLoadJobFileName,
)
from dlt.common.versioned_state import json_encode_state
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.pipeline import trace as dlt_trace
from dlt.pipeline.state_sync import default_pipeline_state

WAITING: Final = ("normalize/extracted", "load/normalized")
"""Where packages of dlt's wait: first for what makes them ready, then to be loaded."""


def remove_unfinished_schemas(working_folder: Path) -> None:
    """Removes files that were to become schemas.

    dlt 1.31 writes a schema to a file aside. Killed before that has its name, it takes the file for
    a schema, and fails.
    """
    for path in (working_folder / "schemas").glob("*"):
        if not path.name.endswith(".json"):
            path.unlink()


def remove_normalized(working_folder: Path) -> None:
    """Removes what is left of packages that are normalized already, or were never read whole.

    dlt 1.31 keeps the latter for good. It removes the former after the normalized package has
    appeared, in one step. Killed in between, it makes the package again, from what is left; where
    that is no whole package, it fails.
    """
    for path in (working_folder / "normalize" / "extracted").glob("*"):
        if (working_folder / "load" / "normalized" / path.name).exists():
            shutil.rmtree(path)
    for path in (working_folder / "normalize").glob("*"):
        if path.is_dir() and path.name != "extracted":
            shutil.rmtree(path)


def take_schema(pipeline: Pipeline, load_id: str) -> None:
    """Makes the schema of a package that waits to be loaded the pipeline's.

    dlt 1.31 saves the pipeline's own after the package: killed in between, it would go by the
    former one. The crash test found it; no smaller test shows it. Without one, it loads nothing.
    """
    stages = (f"{stage}/{load_id}/schema.json" for stage in WAITING)
    file = next(path for stage in stages if (path := Path(pipeline.working_dir, stage)).exists())
    schema = Schema.from_dict(json.loads(file.read_text("utf-8")))
    pipeline.schemas.save_schema(schema)
    if not pipeline.default_schema_name:
        with pipeline.managed_state():
            vars(pipeline)["default_schema_name"] = schema.name


def forget_state(working_folder: Path) -> None:
    """Leaves a new pipeline's state, and no schema: dlt takes both from the destination then.

    dlt 1.31 wipes the whole folder where the state is gone, and with it what waits to be loaded.
    """
    state = working_folder / "state.json"
    state.write_text(json_encode_state(default_pipeline_state()), "utf-8")
    shutil.rmtree(working_folder / "schemas", ignore_errors=True)


def begin_loads_again(working_folder: Path) -> None:
    """Has dlt load from its beginning what it had begun to load.

    dlt 1.31 goes on with the statements that it had written down for that. A power cut may have
    torn them, and where their end is gone, rows are deleted and not put back. To load the same once
    more changes nothing, since every table is merged or replaced: but for dlt's own state, for
    which there is `remove_loaded_state`.
    """
    for package in working_folder.glob("load/normalized/*"):
        begins = package / PackageStorage.SCHEMA_UPDATES_FILE_NAME
        if begins.exists() or not package.is_dir():
            continue
        for stage in (PackageStorage.STARTED_JOBS_FOLDER, PackageStorage.COMPLETED_JOBS_FOLDER):
            for job in package.glob(f"{stage}/*"):
                # A name of its own: BigQuery takes none twice, and has its job done already.
                again = ParsedLoadJobFileName.parse(job.name).with_retry().file_name()
                job.replace(package / PackageStorage.NEW_JOBS_FOLDER / again)
        done = package.glob(f"{PackageStorage.PENDING_TRANSITIONS_FOLDER}/*")
        for path in (*done, *package.glob(f"{PackageStorage.NEW_JOBS_FOLDER}/*.sql")):
            path.unlink()
        (package / PackageStorage.LOAD_PACKAGE_STATE_FILE_NAME).unlink(missing_ok=True)
        begins.write_text("{}", "utf-8")


def remove_loaded_state(pipeline: Pipeline, load_id: str) -> None:
    """Removes from the destination what a load that is to begin again had stored of dlt's state.

    dlt 1.31 adds it, in a row whose id PostgreSQL takes once.
    """
    with pipeline.sql_client() as client, suppress(DatabaseUndefinedRelation):  # a first load
        table = client.make_qualified_table_name(pipeline.default_schema.state_table_name)
        column = client.escape_column_name(C_DLT_LOAD_ID)
        client.execute_sql(f"delete from {table} where {column} = %s", load_id)


def forget_broken(working_folder: Path) -> None:
    """Has dlt take from the destination what is lost here, or left empty or torn by a power cut.

    dlt 1.31 fails on each such file, in every run. A package of which a part is torn is put aside;
    what it held is read again, since the state that says that it was read is not kept.
    """
    if not working_folder.is_dir():
        return
    torn = [
        package
        for stage in WAITING
        for package in working_folder.glob(f"{stage}/*")
        if any(_content(path) is None for path in package.rglob("*.*"))
    ]
    for package in torn:
        for stage in ("new", "normalized", "loaded", "broken"):  # none before the first load
            (working_folder / "load" / stage).mkdir(parents=True, exist_ok=True)
        package.rename(working_folder / "load" / "broken" / package.name)
    for storage, folder in ((LoadStorage, "load"), (NormalizeStorage, "normalize")):
        version = working_folder / folder / ".version"
        if version.exists() and not re.fullmatch(rb"\d+\.\d+\.\d+", version.read_bytes()):
            version.write_text(storage.STORAGE_VERSION, "utf-8")
    schemas, state = working_folder / "schemas", _content(working_folder / "state.json") or {}
    default = (
        [schemas / f"{name}.schema.json"] if (name := state.get("default_schema_name")) else []
    )
    if torn or not state or not all(map(_content, [*default, *schemas.glob("*.json")])):
        forget_state(working_folder)


def _content(path: Path) -> Any:
    """What a file of dlt's holds, as far as its name says how to read it; None if it is torn."""
    try:
        match path.suffix:
            case ".json":
                return json.loads(path.read_text("utf-8"))
            case ".gz":
                return gzip.decompress(path.read_bytes())
            case ".parquet":
                from pyarrow import parquet  # noqa: PLC0415 - rarely needed, and slow to load

                return parquet.read_metadata(path)
    except (OSError, ValueError, EOFError, zlib.error):  # Arrow's own are of these
        return None
    return ""


def keep_newest_packages(pipeline: Pipeline, kept: int) -> None:
    """Removes what is left of packages that are loaded, but of the newest few.

    dlt 1.31 has a setting to remove their rows (`delete_completed_jobs`), and none for the rest:
    14 files a run, for good.
    """
    loaded = [path for path in packages(pipeline) if path.parent.name == "loaded"]
    for package in sorted(loaded, key=lambda path: path.stat().st_mtime)[:-kept]:
        shutil.rmtree(package, ignore_errors=True)


def packages(pipeline: Pipeline) -> Iterator[Path]:
    """The files and folders of all packages, whole or begun.

    dlt 1.31 lists those that wait to be loaded, and keeps the others for good.
    """
    folder = Path(pipeline.working_dir)
    yield from folder.glob("load/*/*")
    yield from folder.glob("normalize/*/*")


def mark_as_seen(table: TTableSchema) -> None:
    """dlt 1.31: a dataset counts the rows of those tables alone that its normalizer has seen."""
    hints: Any = table
    hints["x-normalizer"] = {"seen-data": True}


def watch_traces(module: Any) -> None:
    """Has every trace of this process pass through a tracking module before dlt writes it.

    dlt 1.31 has no setting for modules of one's own; once for each class.
    """
    if not any(isinstance(one, type(module)) for one in dlt_trace.TRACKING_MODULES):
        dlt_trace.TRACKING_MODULES.append(module)


DLT_DESCRIPTIONS: Final[dict[tuple[str, str | None], str]] = {
    ("_dlt_pipeline_state", None): "Created by DLT. Tracks the pipeline's state",
    ("_dlt_pipeline_state", "_dlt_id"): "Unique identifier of the row",
}
"""dlt 1.31: its schema describes its other tables and columns, and not these."""


DAMAGED: Final = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Corrupt WAL file",
    "Failure while replaying WAL file",
    "Could not read enough bytes",
)


def is_damaged(error: duckdb.Error) -> bool:
    """Whether DuckDB cannot read a file because of what it holds.

    DuckDB 1.5 says so in words alone: it raises the same error for a file that is locked.
    """
    is_inner = isinstance(error, duckdb.SerializationException | duckdb.InternalException)
    return is_inner or any(words in str(error) for words in DAMAGED)


def is_newer_format(error: duckdb.IOException) -> bool:
    """Whether DuckDB refused a file because a newer one has written it.

    DuckDB 1.5 says so in words alone: it raises the same error for a file that is locked.
    """
    return "file with version number" in str(error)
