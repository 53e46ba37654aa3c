"""The pipeline and the destination it is configured for, and what earlier runs left in it."""

import json
import logging
from pathlib import Path
from typing import Final

import dlt
from dlt import Pipeline
from dlt.common.destination import AnyDestination
from dlt.common.schema import Schema
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.pipeline.exceptions import PipelineStepFailed

RAW_DATASET: Final = "drift"
RAW_STAGING: Final = "drift_staging"
"""Where dlt merges from."""

TYPE_KEY: Final = "destination.warehouse.destination_type"
CREDENTIALS_KEY: Final = "destination.warehouse.credentials"

log = logging.getLogger(__name__)


def open_warehouse(default_database: Path, folder: Path) -> Pipeline:
    """The pipeline into the destination named `warehouse`, of whatever type is configured.

    Without credentials, DuckDB in `default_database`. dlt's working files lie in `folder`.
    """
    kind = dlt.config.get(TYPE_KEY, str) or "duckdb"
    if kind == "duckdb" and not dlt.secrets.get(CREDENTIALS_KEY):
        # What code passes wins over the environment, so it is passed only where nothing is set.
        default_database.parent.mkdir(parents=True, exist_ok=True)
        warehouse = dlt.destination(
            "warehouse", destination_type="duckdb", credentials=str(default_database)
        )
    else:
        warehouse = dlt.destination("warehouse", destination_type=kind)
    return _pipeline("drift_bookings", warehouse, folder)


def open_demo(database: Path, folder: Path) -> Pipeline:
    """A pipeline into a DuckDB file of the demo's own, whatever is configured."""
    database.parent.mkdir(parents=True, exist_ok=True)
    demo = dlt.destination("demo", destination_type="duckdb", credentials=str(database))
    return _pipeline("drift_demo", demo, folder)


def _pipeline(name: str, destination: AnyDestination, folder: Path) -> Pipeline:
    # dlt writes a schema aside, under another name, and would take what a killed run left of that
    # for a schema.
    for path in (folder / name / "schemas").glob("*"):
        if not path.name.endswith(".json"):
            path.unlink()
    pipeline = dlt.pipeline(
        name, destination=destination, dataset_name=RAW_DATASET, pipelines_dir=str(folder)
    )
    pipeline.config.enable_runtime_trace = False  # it writes resolved secrets to a file
    return pipeline


def duckdb_file(pipeline: Pipeline) -> Path | None:
    """The file that the pipeline writes, where its destination is DuckDB."""
    if pipeline.destination is None or pipeline.destination.destination_name is None:
        return None
    credentials = pipeline.destination_client().config.credentials
    if type(credentials) is not DuckDbCredentials:
        return None
    return Path(str(credentials.database)).resolve()


def finish_interrupted(pipeline: Pipeline) -> None:
    """Completes what an interrupted run had read but not loaded.

    What it read may be out of Drift's reach by now, so it is loaded rather than read again. A
    package that the destination refuses for good is set aside, and the cursor with it.
    """
    pipeline.sync_destination()
    if not pipeline.has_pending_data:
        return
    log.info("completing what an interrupted run had read")
    # A run killed just after it had read left its schema in the package alone, and dlt would go on
    # with the older one beside it.
    for load_id in pipeline.list_extracted_load_packages():
        extracted = Path(pipeline.working_dir, "normalize", "extracted", load_id, "schema.json")
        pipeline.schemas.save_schema(Schema.from_dict(json.loads(extracted.read_text("utf-8"))))
    try:
        pipeline.run()
    except PipelineStepFailed:
        if not pipeline.has_pending_data:  # refused for good: dlt has set the package aside
            log.warning("the destination refuses it; it will be read again")
            return
        raise
    pipeline.sync_destination()
