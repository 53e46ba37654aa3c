"""What leans on the insides of dlt and DuckDB: each with the version that needs it, and why.

`tests/test_workarounds.py` fails once one is no longer needed, where that can be told, or no longer
works. Nothing of theirs is replaced.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
from dlt import Pipeline
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchema
from dlt.pipeline import trace as dlt_trace


def remove_unfinished_schemas(working_folder: Path) -> None:
    """Removes files that were to become schemas.

    dlt 1.31 writes a schema to a file aside. Killed before that has its name, it takes the file for
    a schema, and fails.
    """
    for path in (working_folder / "schemas").glob("*"):
        if not path.name.endswith(".json"):
            path.unlink()


def remove_normalized(working_folder: Path) -> None:
    """Removes what is left of packages that are normalized already.

    dlt 1.31 does so after the normalized package has appeared, in one step. Killed in between, it
    makes the package again, from what is left; where that is no whole package, it fails.
    """
    for path in (working_folder / "normalize" / "extracted").glob("*"):
        if (working_folder / "load" / "normalized" / path.name).exists():
            shutil.rmtree(path)


def take_schema(pipeline: Pipeline, load_id: str) -> None:
    """Makes the schema of a package that was read the pipeline's.

    dlt 1.31 saves the pipeline's own after the package: killed in between, it would go by the
    former one. The crash test found it; no smaller test shows it.
    """
    package = Path(pipeline.working_dir, "normalize", "extracted", load_id, "schema.json")
    pipeline.schemas.save_schema(Schema.from_dict(json.loads(package.read_text("utf-8"))))


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


def is_newer_format(error: duckdb.IOException) -> bool:
    """Whether DuckDB refused a file because a newer one has written it.

    DuckDB 1.5 says so in words alone: it raises the same error for a file that is locked.
    """
    return "file with version number" in str(error)
