"""The pipeline and the destination it is configured for, as dlt configures them."""

import difflib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import dlt
import duckdb
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
from warehouse.errors import SettingError, how_to_install

TEMPORARY: Final = "tmp"
"""The folder of temporary files, beside dlt's working folder."""

RAW_DATASET: Final = "drift"
RAW_STAGING: Final = "drift_staging"
"""Where dlt merges from."""

ROW_GROUP: Final = 122_880
"""Rows that one of DuckDB's threads takes at a time."""

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


@dataclass(frozen=True)
class Warehouse:
    """A destination, resolved: opening a pipeline into it, or asking it, needs no more."""

    pipeline_name: str
    kind: str
    config: DestinationClientConfiguration

    @property
    def destination(self) -> AnyDestination:
        # dlt resolves what is not passed anew for each client: a third of a small run's time.
        given = {
            field: self.config[field]
            for field in self.config.get_resolvable_fields()
            if field not in ("destination_type", "dataset_name", "default_schema_name")
        }
        destination = dlt.destination(self.kind, **given)
        if not destination.capabilities().supports_ddl_transactions:
            return destination
        # dlt 1.31 does not know that these have transactions for plain statements as well: a run
        # that is killed between a merge's delete and its insert would lose rows.
        return dlt.destination(self.kind, **given, supports_transactions=True)

    @property
    def label(self) -> str:
        """What people would call it, without its password."""
        return f"{self.config.destination_type}, {self.config}"

    @property
    def file(self) -> Path | None:
        """The file that the pipeline writes, where the destination is DuckDB."""
        credentials = self.config.credentials
        if type(credentials) is not DuckDbCredentials:
            return None
        return Path(str(credentials.database)).resolve()

    @property
    def is_for_one_process(self) -> bool:
        """Whether it is a file that DuckDB opens for one process at a time."""
        if isinstance(self.config, DuckLakeClientConfiguration):
            return bool(self.config.credentials.catalog.drivername == "duckdb")
        return self.file is not None

    def open(self, folder: Path) -> Pipeline:
        """The pipeline, its working folder made anew in `folder`, as on a machine without a disk.

        What a killed run left there is of no use: all that the next one needs is in the
        destination. To be called by whoever holds the lock.
        """
        # dlt 1.31 fills in %, and quotes no path; DuckDB 1.5 reads ? and = as more than letters.
        marks = "%?='" if "duck" in self.kind else "%"
        if mark := next((mark for mark in marks if mark in str(folder)), None):
            raise SettingError(
                f"The project cannot lie below a folder with {mark} in its name, where dlt or"
                f" DuckDB cannot write: {folder}"
            )
        left = [folder / self.pipeline_name, folder / TEMPORARY]
        if self.file:  # what DuckDB had no memory for
            left.append(self.file.with_name(f"{self.file.name}.tmp"))
        for path in left:
            if path.exists():
                shutil.rmtree(path)
        return dlt.pipeline(
            self.pipeline_name,
            destination=self.destination,
            dataset_name=RAW_DATASET,
            pipelines_dir=str(folder),
        )


def configured_warehouse(default_database: Path) -> Warehouse:
    """The destination named `warehouse`, of whatever type is configured.

    Without credentials, DuckDB in `default_database`. Raises `SettingError`, or dlt's
    `ConfigFieldMissingException` for credentials that are not set, before anything is read or
    written.
    """
    kind = dlt.config.get(TYPE_KEY, str) or "duckdb"
    credentials: object = dlt.secrets.get(CREDENTIALS_KEY)
    if kind == "duckdb" and re.match("(?!duckdb:)[a-z0-9+]+://", str(credentials)):
        raise SettingError(
            f"{CREDENTIALS_KEY} is a server's address, and no DuckDB file: set {TYPE_KEY} as well,"
            " such as postgres."
        )
    if kind == "duckdb" and not credentials:
        # What code passes wins over the environment, so it is passed only where nothing is set.
        config = _configuration(
            dlt.destination(
                "warehouse", destination_type="duckdb", credentials=str(default_database)
            )
        )
    else:
        config = _configuration(_suitable(kind))
        _need_extensions(config)
    return Warehouse("drift_bookings", kind, config)


def demo_warehouse(database: Path) -> Warehouse:
    """A DuckDB file of the demo's own, whatever is configured."""
    demo = dlt.destination("demo", destination_type="duckdb", credentials=str(database))
    return Warehouse("drift_demo", "duckdb", _configuration(demo))


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
        raise SettingError(f"{TYPE_KEY} is {kind!r}, which dlt does not know; {hint}") from unknown
    name = kind.rpartition(".")[2]
    capabilities = warehouse.capabilities()
    reason = UNSUITABLE.get(name)
    if capabilities.sqlglot_dialect is None:
        reason = reason or "the models need a database that speaks SQL"
    if capabilities.sqlglot_dialect not in DIALECTS:
        reason = reason or f"the models are not written for {capabilities.sqlglot_dialect}"
    if reason:
        raise SettingError(f"{TYPE_KEY} is {kind!r}, which cannot serve: {reason}.")
    try:
        for module in EXTRAS.get(name, ()):
            import_module(module)
        _ = warehouse.client_class  # what it imports is what dlt's own extra brings
    except (ModuleNotFoundError, MissingDependencyException) as missing:
        extra = f".[{name}]" if name in EXTRAS else f"dlt[{name}]"
        lacks = missing.name if isinstance(missing, ModuleNotFoundError) else missing.caller
        raise SettingError(
            f"The destination {kind} needs what is not installed ({lacks}): {how_to_install(extra)}"
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
            raise SettingError(
                f"The destination ducklake needs DuckDB's extension {extension}, which could not be"
                f" had ({reason}): {how_to_install(package)}"
            )


@contextmanager
def kept_open(database: Path | None, memory: str) -> Iterator[None]:
    """Keeps a DuckDB file open, so that each of dlt's connections need not open and write it back.

    All connections of a process share one instance. What does not fit into `memory` goes to disk.
    What was loaded is in the file itself when this ends.
    """
    if database is None:
        yield
        return
    with duckdb.connect(str(database)) as connection:
        limit(connection, memory)
        yield
        connection.execute("checkpoint").fetchall()


def limit(connection: duckdb.DuckDBPyConnection, memory: str) -> None:
    """Sets the memory that DuckDB may hold, and a thread for each row group of the largest table.

    More threads than row groups only wait for each other, and are busy doing so.
    """
    connection.execute(f"set global memory_limit = '{memory}'").fetchall()
    largest = "select coalesce(max(estimated_size), 0) from duckdb_tables()"
    ((threads,),) = connection.execute(
        f"select least(current_setting('threads'), 1 + ({largest}) // {ROW_GROUP})"
    ).fetchall()
    connection.execute(f"set global threads = {threads}").fetchall()
