"""The pipeline and the destination it is configured for, as dlt configures them."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

import dlt
import duckdb
from dlt import Pipeline
from dlt.common.destination import AnyDestination, DestinationCapabilitiesContext
from dlt.common.destination.client import DestinationClientConfiguration
from dlt.common.normalizers.naming import NamingConvention
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from warehouse.interrupted import mend

RAW_DATASET: Final = "drift"
RAW_STAGING: Final = "drift_staging"
"""Where dlt merges from."""

EXTRAS: Final = {"postgres": ("psycopg2", "adbc_driver_postgresql"), "bigquery": ("google.cloud",)}
"""What a destination needs beside dlt, where the project has an extra of its name."""

TYPE_KEY: Final = "destination.warehouse.destination_type"
CREDENTIALS_KEY: Final = "destination.warehouse.credentials"


class MissingExtraError(Exception):
    """A destination's driver is not installed; the message says how to install it."""


def open_warehouse(default_database: Path, folder: Path) -> Pipeline:
    """The pipeline into the destination named `warehouse`, of whatever type is configured.

    Without credentials, DuckDB in `default_database`. dlt's working files lie in `folder`: those of
    each destination apart, since what the one has loaded says nothing of the other.
    """
    kind = dlt.config.get(TYPE_KEY, str) or "duckdb"
    _need_extra(kind)
    if kind == "duckdb" and not dlt.secrets.get(CREDENTIALS_KEY):
        # What code passes wins over the environment, so it is passed only where nothing is set.
        default_database.parent.mkdir(parents=True, exist_ok=True)
        warehouse = dlt.destination(
            "warehouse", destination_type="duckdb", credentials=str(default_database)
        )
    else:
        warehouse = dlt.destination("warehouse", destination_type=kind)
        place = str(warehouse.configuration(warehouse.spec(), accept_partial=True))
        folder /= f"{kind}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    return _pipeline("drift_bookings", warehouse, folder)


def _need_extra(kind: str) -> None:
    for module in EXTRAS.get(kind, ()):
        try:
            import_module(module)
        except ModuleNotFoundError as missing:
            raise MissingExtraError(
                f"The destination {kind} needs what is not installed ({missing.name}): "
                f"pip install '.[{kind}]'"
            ) from missing


def open_demo(database: Path, folder: Path) -> Pipeline:
    """A pipeline into a DuckDB file of the demo's own, whatever is configured."""
    database.parent.mkdir(parents=True, exist_ok=True)
    demo = dlt.destination("demo", destination_type="duckdb", credentials=str(database))
    return _pipeline("drift_demo", demo, folder)


def _pipeline(name: str, destination: AnyDestination, folder: Path) -> Pipeline:
    mend(folder / name)
    _resolve_once(destination)
    pipeline = dlt.pipeline(
        name, destination=destination, dataset_name=RAW_DATASET, pipelines_dir=str(folder)
    )
    pipeline.config.enable_runtime_trace = False  # it writes resolved secrets to a file
    return pipeline


def place_of(pipeline: Pipeline) -> str:
    """What people would call the destination, without its password."""
    config = pipeline.destination_client().config
    return f"{config.destination_type}, {config}"


def _resolve_once(destination: AnyDestination) -> None:
    """Lets a destination resolve its configuration once where dlt asks for its capabilities.

    dlt asks some twenty times in a run, which took a tenth of a run with nothing new.
    """
    resolved = destination.configuration(destination.spec(), accept_partial=True)
    destination.capabilities = partial(_capabilities, destination.capabilities, resolved)  # type: ignore[method-assign]


def _capabilities(
    ask: Callable[..., DestinationCapabilitiesContext],
    resolved: DestinationClientConfiguration,
    config: DestinationClientConfiguration | None = None,
    naming: NamingConvention | None = None,
) -> DestinationCapabilitiesContext:
    return ask(config or resolved, naming)


@contextmanager
def kept_open(database: Path | None, memory: str) -> Iterator[None]:
    """Keeps a DuckDB file open, so that each of dlt's connections need not open and write it back.

    All connections of a process share one instance. What does not fit into `memory` goes to disk.
    """
    if database is None:
        yield
        return
    with duckdb.connect(str(database)) as connection:
        connection.execute("set global memory_limit = ?", [memory]).fetchall()
        yield


def duckdb_file(pipeline: Pipeline) -> Path | None:
    """The file that the pipeline writes, where its destination is DuckDB."""
    if pipeline.destination is None or pipeline.destination.destination_name is None:
        return None
    credentials = pipeline.destination_client().config.credentials
    if type(credentials) is not DuckDbCredentials:
        return None
    return Path(str(credentials.database)).resolve()
