"""The pipeline and the destination it is configured for, as dlt configures them."""

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

import dlt
from dlt import Pipeline
from dlt.common.destination import AnyDestination
from dlt.common.destination.client import (
    DestinationClientConfiguration,
    DestinationClientDwhConfiguration,
)
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.ducklake.configuration import DuckLakeClientConfiguration

from warehouse.ducklake import PACKAGES, bring
from warehouse.errors import SettingError
from warehouse.newer_format import connect
from warehouse.recovery import repair

RAW_DATASET: Final = "drift"
RAW_STAGING: Final = "drift_staging"
"""Where dlt merges from."""

EXTRAS: Final = {"postgres": ("psycopg2", "adbc_driver_postgresql"), "bigquery": ("google.cloud",)}
"""What a destination needs beside dlt, where the project has an extra of its name."""

DIALECTS: Final = (
    "duckdb",
    "postgres",
    "bigquery",
    "clickhouse",
    "databricks",
    "redshift",
    "snowflake",
)
"""Dialects into which every model is transpiled by a test."""

UNSUITABLE: Final[Mapping[str, str]] = {
    "filesystem": "files are not merged into, and the models need a database; DuckLake is one in"
    " files (destination_type ducklake)",
    "sqlalchemy": "dlt's client for it hides what the run lease needs; a database that dlt knows by"
    " itself has a type of its own, such as postgres",
}
"""Types that people try, and why they cannot serve."""

TYPE_KEY: Final = "destination.warehouse.destination_type"
CREDENTIALS_KEY: Final = "destination.warehouse.credentials"


class UnsuitableDestinationError(SettingError):
    """The configured destination cannot serve; the message says why, and what would help."""


def open_warehouse(default_database: Path, folder: Path) -> Pipeline:
    """The pipeline into the destination named `warehouse`, of whatever type is configured.

    Without credentials, DuckDB in `default_database`. dlt's working files lie in `folder`: those of
    each destination apart, since what the one has loaded says nothing of the other.

    Raises `UnsuitableDestinationError`, or dlt's `ConfigFieldMissingException` for credentials that
    are not set, before anything is read or written.
    """
    kind = dlt.config.get(TYPE_KEY, str) or "duckdb"
    if kind == "duckdb" and not dlt.secrets.get(CREDENTIALS_KEY):
        # What code passes wins over the environment, so it is passed only where nothing is set.
        config = _configuration(
            dlt.destination(
                "warehouse", destination_type="duckdb", credentials=str(default_database)
            )
        )
    else:
        config = _configuration(_suitable(kind))
        _need_extensions(config)
        where = str(config)
        folder /= f"{kind}-{hashlib.sha256(where.encode()).hexdigest()[:12]}"
    return _pipeline("drift_bookings", kind, config, folder)


def _configuration(destination: AnyDestination) -> DestinationClientConfiguration:
    """The destination's configuration, resolved."""
    config = destination.spec()
    if isinstance(config, DestinationClientDwhConfiguration):
        config.dataset_name = RAW_DATASET
    return destination.configuration(config)


def _suitable(kind: str) -> AnyDestination:
    """The configured destination, if it is one of dlt's, installed, and can hold the models."""
    try:
        warehouse = dlt.destination("warehouse", destination_type=kind)
    except UnknownDestinationModule as unknown:
        near = difflib.get_close_matches(kind, dlt.destinations.__all__, 1)
        hint = f"is {near[0]} meant?" if near else "it knows duckdb, postgres, bigquery and others."
        raise UnsuitableDestinationError(
            f"{TYPE_KEY} is {kind!r}, which dlt does not know; {hint}"
        ) from unknown
    name = kind.rpartition(".")[2]
    capabilities = warehouse.capabilities()
    reason = UNSUITABLE.get(name)
    if capabilities.sqlglot_dialect is None:
        reason = reason or "the models need a database that speaks SQL"
    if capabilities.sqlglot_dialect not in DIALECTS:
        reason = reason or f"the models are not written for {capabilities.sqlglot_dialect}"
    if reason:
        raise UnsuitableDestinationError(f"{TYPE_KEY} is {kind!r}, which cannot serve: {reason}.")
    try:
        for module in EXTRAS.get(name, ()):
            import_module(module)
        _ = warehouse.client_class  # what it imports is what dlt's own extra brings
    except (ModuleNotFoundError, MissingDependencyException) as missing:
        extra = f".[{name}]" if name in EXTRAS else f"dlt[{name}]"
        lacks = missing.name if isinstance(missing, ModuleNotFoundError) else missing.caller
        raise UnsuitableDestinationError(
            f"The destination {kind} needs what is not installed ({lacks}): pip install '{extra}'"
        ) from missing
    return warehouse


def _need_extensions(config: DestinationClientConfiguration) -> None:
    """Brings what DuckDB lacks for the destination, or says how to."""
    if not isinstance(config, DuckLakeClientConfiguration):
        return
    in_postgres = config.credentials.catalog.drivername in ("postgres", "postgresql")
    for extension in ("ducklake", "postgres_scanner") if in_postgres else ("ducklake",):
        if reason := bring(extension):
            package = PACKAGES[extension].replace("_", "-")
            raise UnsuitableDestinationError(
                f"The destination ducklake needs DuckDB's extension {extension}, which could not be"
                f" had ({reason}): pip install {package}"
            )


def open_demo(database: Path, folder: Path) -> Pipeline:
    """A pipeline into a DuckDB file of the demo's own, whatever is configured."""
    demo = dlt.destination("demo", destination_type="duckdb", credentials=str(database))
    return _pipeline("drift_demo", "duckdb", _configuration(demo), folder)


def _pipeline(
    name: str, kind: str, config: DestinationClientConfiguration, folder: Path
) -> Pipeline:
    # dlt resolves what is not passed anew for each client: a third of a small run's time.
    given = {
        field: config[field]
        for field in config.get_resolvable_fields()
        if field not in ("destination_type", "dataset_name", "default_schema_name")
    }
    destination = dlt.destination(kind, **given)
    # dlt 1.31 fills in %, and quotes no path; DuckDB 1.5 reads others as patterns or as values.
    marks = "%?*['=\"" if "duck" in kind else "%"
    if mark := next((mark for mark in marks if mark in str(folder)), None):
        raise SettingError(
            f"The project cannot lie below a folder with {mark} in its name, where dlt or DuckDB "
            f"cannot write: {folder}"
        )
    repair(folder / name)
    return dlt.pipeline(
        name, destination=destination, dataset_name=RAW_DATASET, pipelines_dir=str(folder)
    )


def destination_label(pipeline: Pipeline) -> str:
    """What people would call the destination, without its password."""
    config = pipeline.destination_client().config
    return f"{config.destination_type}, {config}"


def is_for_one_process(pipeline: Pipeline) -> bool:
    """Whether the destination is a file that DuckDB opens for one process at a time."""
    config = pipeline.destination_client().config
    if isinstance(config, DuckLakeClientConfiguration):
        return bool(config.credentials.catalog.drivername == "duckdb")
    return type(config.credentials) is DuckDbCredentials


@contextmanager
def kept_open(database: Path | None, memory: str) -> Iterator[None]:
    """Keeps a DuckDB file open, so that each of dlt's connections need not open and write it back.

    All connections of a process share one instance. What does not fit into `memory` goes to disk.
    A file that a newer DuckDB left behind is converted first.
    """
    if database is None:
        yield
        return
    with connect(database) as connection:
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
