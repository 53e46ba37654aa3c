"""The pipeline and the destination it is configured for, as dlt configures them."""

from pathlib import Path
from typing import Final

import dlt
from dlt import Pipeline
from dlt.common.destination import AnyDestination
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from warehouse.interrupted import mend

RAW_DATASET: Final = "drift"
RAW_STAGING: Final = "drift_staging"
"""Where dlt merges from."""

TYPE_KEY: Final = "destination.warehouse.destination_type"
CREDENTIALS_KEY: Final = "destination.warehouse.credentials"


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
    mend(folder / name)
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
