"""The models for dlt's own readers: dlt's schema knows the raw tables alone, since it loads those.

pipeline = dlt.attach("drift_bookings", pipelines_dir=".dlt/.var/pipelines")
pipeline.dataset()["syncs"].arrow()
bookings(pipeline)["bookings_by_agent"].arrow()
"""

from typing import Any, Final

import dlt
from dlt import Pipeline
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from sqlglot import exp

from warehouse.dialect import sql
from warehouse.workarounds import mark_as_seen

DATASET: Final = "bookings"


def bookings(pipeline: Pipeline) -> dlt.Dataset:
    """The dataset `bookings` at the pipeline's destination, each table with its columns' types.

    As the destination has them now; without a table before the first run.
    """
    destination, schema = pipeline.destination or pipeline.pipeline_name, Schema(DATASET)
    client: Any = dlt.dataset(destination, DATASET, schema=schema).destination_client
    with client:
        dataset = sql(client.sql_client, exp.Literal.string(DATASET))
        names = client.sql_client.execute_sql(
            f"select table_name from {_tables(client)} where table_schema = {dataset} order by 1"
        )
        for name, columns in client.get_storage_tables([name for (name,) in names or ()]):
            for column in columns.values():  # dlt 1.31 takes every time for one with a zone
                if column["name"].startswith("local_") and column["data_type"] == "timestamp":
                    column["timezone"] = False
            table = new_table(name, columns=list(columns.values()))
            mark_as_seen(table)
            schema.update_table(table)
    return dlt.dataset(destination, DATASET, schema=schema)


def _tables(client: Any) -> str:
    """Where the destination lists its tables; BigQuery does so in each dataset."""
    if client.capabilities.sqlglot_dialect != "bigquery":
        return "information_schema.tables"
    return f"{client.sql_client.fully_qualified_dataset_name()}.INFORMATION_SCHEMA.TABLES"
