"""The models for dlt's own readers: dlt's schema knows the raw tables alone, since it loads those.

pipeline = dlt.attach("drift_bookings", pipelines_dir=".dlt/.var/pipelines")
pipeline.dataset()["syncs"].arrow()
bookings(pipeline)["bookings_by_agent"].arrow()
"""

from pathlib import Path
from typing import Any, Final

import dlt
from dlt import Pipeline
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table

from warehouse.models import DATASET, read_models

SQL: Final = Path(__file__).resolve().parents[2] / "sql"


def bookings(pipeline: Pipeline) -> dlt.Dataset:
    """The dataset `bookings` at the pipeline's destination, each table with its columns' types.

    As the destination has them now; without a table before the first run.
    """
    return bookings_at(pipeline.destination or pipeline.pipeline_name)


def bookings_at(destination: Any) -> dlt.Dataset:
    """The same at a destination of dlt's."""
    schema = Schema(DATASET)
    names = sorted(model.name for model in read_models(SQL) if model.dataset == DATASET)
    client: Any = dlt.dataset(destination, DATASET, schema=schema).destination_client
    with client:
        for name, columns in client.get_storage_tables(names):
            if not columns:
                continue
            for column in columns.values():  # dlt 1.31 takes every time for one with a zone
                if column["name"].startswith("local_") and column["data_type"] == "timestamp":
                    column["timezone"] = False
            table = new_table(name, columns=list(columns.values()))
            # dlt 1.31: a dataset counts the rows of those tables alone that were normalized.
            hints: Any = table
            hints["x-normalizer"] = {"seen-data": True}
            schema.update_table(table)
    return dlt.dataset(destination, DATASET, schema=schema)
