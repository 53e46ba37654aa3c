"""`--archive`: every raw table and every mart as Parquet, to be read without this project."""

import shutil
from pathlib import Path

import dlt
from dlt import Pipeline
from dlt.common.libs.pyarrow import columns_to_arrow
from pyarrow import parquet

from app.redact import holds_meetings
from app.session import Session
from warehouse.attached import bookings
from warehouse.errors import SettingError

BATCH_ROWS = 50_000


def archive(project: Path, folder: Path, *, demo: bool) -> list[str]:
    """Builds, checks and publishes the models, and writes all tables to a new folder; the summary.

    Drift is not asked. Raises `SettingError` for a folder that holds something.
    """
    if not folder.parent.is_dir() or (
        folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise SettingError(
            f"{folder} cannot become an archive: that has to be a new folder, or an empty one, in a"
            " folder that is there."
        )
    session = Session(project, demo=demo)
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            pipeline.sync_destination()  # another machine's runs may have written it
            if not holds_meetings(pipeline):
                raise SettingError("There is nothing to archive: no run has stored anything yet.")
            built = session.build()
            with session.steps.step("archive"):
                rows = _write(pipeline, folder)
        session.publish()
        session.report()
        return [
            f"archived   {rows:,} rows in {folder}",
            *session.footer(),
            *(f"warning    {finding}" for finding in built.warnings),
        ]


def _write(pipeline: Pipeline, folder: Path) -> int:
    """Writes the archive aside, then gives it its name; how many rows."""
    aside = folder.with_name(f".{folder.name}.begun")
    shutil.rmtree(aside, ignore_errors=True)  # a killed one's
    try:
        rows = sum(_write_dataset(d, aside) for d in (pipeline.dataset(), bookings(pipeline)))
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return rows


def _write_dataset(dataset: dlt.Dataset, folder: Path) -> int:
    """A file for each table, ordered by its first column: an import takes meetings as wholes."""
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
        relation = dataset[name].select(*columns).order_by(schema.names[0])
        file = folder / dataset.dataset_name / f"{name}.parquet"
        with parquet.ParquetWriter(
            file, schema, compression="zstd", write_page_checksum=True
        ) as writer:
            for batch in relation.iter_arrow(BATCH_ROWS):
                writer.write(batch.cast(schema))
                rows += batch.num_rows
    return rows
