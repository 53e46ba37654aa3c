"""`--archive`: every raw table and every mart as Parquet, to be read without this project."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.libs.pyarrow import columns_to_arrow
from pyarrow import parquet

from app.session import Session
from drift import tables
from warehouse.attached import bookings_at
from warehouse.destination import RAW_DATASET
from warehouse.errors import SettingError
from warehouse.reading import open_file

BATCH_ROWS = 50_000
NOTHING = "There is nothing to archive: no run has stored anything yet."

COMMITTED = {table.name for table in tables.ALL if table.has_load_id}
"""Tables of which some rows may not count; an import could not tell which."""


def archive(project: Path, folder: Path, *, demo: bool) -> list[str]:
    """Writes all published tables to a new folder; what was done.

    Nothing is made anew, and Drift is not asked. Raises `SettingError` for a folder that holds
    something.
    """
    if not folder.parent.is_dir() or (
        folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise SettingError(
            f"{folder} cannot become an archive: that has to be a new folder, or an empty one, in a"
            " folder that is there."
        )
    aside = folder.with_name(f".{folder.name}.begun")
    shutil.rmtree(aside, ignore_errors=True)  # a killed one's
    with _published(Session(project, demo=demo)) as destination:
        marts = bookings_at(destination)
        if not marts.schema.data_table_names():
            raise SettingError(NOTHING)
        try:
            raw = dlt.dataset(destination, RAW_DATASET)
            rows = sum(_write(dataset, aside) for dataset in (raw, marts))
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return [f"archived   {rows:,} rows in {folder}"]


@contextmanager
def _published(session: Session) -> Iterator[Any]:
    """Where the published tables are, which stay as they are meanwhile."""
    warehouse, paths = session.paths.warehouse, session.paths
    if not warehouse.file:
        with session.locked(), session.opened():
            yield warehouse.destination
    elif not paths.snapshot.exists():
        raise SettingError(NOTHING)
    else:
        with open_file(paths.snapshot, paths.temporary) as connection:
            yield dlt.destinations.duckdb(connection)


def _write(dataset: dlt.Dataset, folder: Path) -> int:
    """A file for each table; how many rows."""
    (folder / dataset.dataset_name).mkdir(parents=True)
    rows = 0
    for name in dataset.schema.data_table_names():
        columns = {
            column: hints
            for column, hints in dataset[name].columns_schema.items()
            if not column.startswith("_dlt_")
        }
        capabilities = dataset.destination_client.capabilities
        schema = columns_to_arrow(columns, capabilities, "UTC")
        relation = dataset[name].select(*columns)
        if name in COMMITTED:
            names = ", ".join(columns)
            relation = dataset(f"select {names} from {name} where {tables.IS_WHOLE}")
        file = folder / dataset.dataset_name / f"{name}.parquet"
        with parquet.ParquetWriter(
            file, schema, compression="zstd", write_page_checksum=True
        ) as writer:
            for batch in relation.iter_arrow(BATCH_ROWS):
                writer.write(batch.cast(schema))
                rows += batch.num_rows
    return rows
