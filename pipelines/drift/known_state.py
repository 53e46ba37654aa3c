"""What the destination has of the source's own tables."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.destination.client import JobClientBase
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.common.pipeline import PipelineContext, SupportsPipeline
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract.exceptions import CurrentSourceSchemaNotAvailable

from .sql import transpile
from .tables import ALL, FORGOTTEN, RawTable

BATCH_ROWS = 50_000


@dataclass(frozen=True)
class KnownState:
    """An open connection to the destination, and those of the source's tables that are there."""

    client: SqlClientBase[Any]
    tables: frozenset[str]

    def table(self, query: str, columns: pa.Schema, *read: RawTable) -> pa.Table:
        """The rows of a query in DuckDB's SQL; none while one of the tables it reads is not there.

        A table's name stands for that in the pipeline's dataset.
        """
        return pa.concat_tables([columns.empty_table(), *self.batches(query, columns, *read)])

    def batches(self, query: str, columns: pa.Schema, *read: RawTable) -> Iterator[pa.Table]:
        """The same in batches."""
        # Asked for beforehand: BigQuery says only while fetching that a table is missing.
        if not self.tables.issuperset(table.name for table in read):
            return
        sql = transpile(self.client, query)
        with self.client.execute_query(sql) as cursor, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # DuckDB's, about how dlt calls it
            for batch in cursor.iter_arrow(BATCH_ROWS):
                # BigQuery's client yields record batches.
                rows = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
                yield rows.cast(columns)

    def count(self, table: RawTable) -> int:
        """Rows of a table: more than were loaded, if a load was cut short."""
        query = f"select count(*) as number from {table.name}"
        return sum(
            self.table(query, pa.schema([("number", pa.int64())]), table)["number"].to_pylist()
        )


class Destination:
    """The destination of the active pipeline."""

    def __init__(self) -> None:
        self._tables: frozenset[str] = frozenset()
        self._free: dict[SupportsPipeline, JobClientBase] = {}

    @contextmanager
    def open(self) -> Iterator[KnownState]:
        """Asks what it has. To be opened for several queries: that costs more than they do.

        Raises dlt's `SqlClientNotAvailable` for a destination that takes no SQL.
        """
        # dlt.current.pipeline() reads all of a pipeline's settings anew
        pipeline = Container()[PipelineContext].pipeline()
        try:
            name = dlt.current.source_schema().name
        except CurrentSourceSchemaNotAvailable:  # asked beside a run
            name = ""
        is_known = name in pipeline.schemas
        # A client costs as much as many queries, and serves again.
        with self._free.pop(pipeline, None) or pipeline.destination_client(
            name if is_known else ""
        ) as client:
            if not isinstance(client, SqlJobClientBase):
                raise SqlClientNotAvailable(
                    "pipeline", pipeline.pipeline_name, client.config.destination_type
                )
            names = [table.name for table in ALL]
            # Tables do not go away: once all are there, nobody needs to ask again.
            if not self._tables.issuperset(names) and client.is_storage_initialized():
                stored = client.get_storage_tables([*names, FORGOTTEN.name])
                self._tables = frozenset(name for name, columns in stored if columns)
            yield KnownState(client.sql_client, self._tables)
        if is_known:
            self._free[pipeline] = client
