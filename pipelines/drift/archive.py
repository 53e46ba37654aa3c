"""A dlt source of an archive: the raw tables as `--archive` wrote them, a Parquet file each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.extract import DltResource
from pyarrow import parquet

from . import tables
from .errors import ImportFileError
from .import_files import IMPORTED, Tally
from .known_state import BATCH_ROWS, Destination
from .privacy import PrivacyPolicy, policy_of
from .redact import redacted
from .run import MEETINGS
from .tables import RawTable

PERSONAL = (tables.VERSIONS, tables.REJECTED, *tables.RELATED)
"""The tables that pass through the policy."""

RAW = (*tables.ALL, tables.FORGOTTEN)
"""What an archive holds, in the order in which it is loaded."""


def find_archive(paths: Sequence[Path]) -> list[Path]:
    """The files of raw tables, in the order of `RAW`, where the one path is an archive's; the last
    one is there where somebody was forgotten.

    Raises `ImportFileError` where one is missing.
    """
    folder = paths[0] / "drift"
    if len(paths) > 1 or not any(folder.glob("*.parquet")):
        return []
    files = [folder / f"{table.name}.parquet" for table in tables.ALL]
    if missing := [file.name for file in files if not file.exists()]:
        raise ImportFileError(f"The archive {paths[0]} lacks drift/{', drift/'.join(missing)}.")
    forgotten = folder / f"{tables.FORGOTTEN.name}.parquet"
    return [*files, forgotten] if forgotten.exists() else files


@dlt.source(name="drift", max_table_nesting=0)
def drift_archive(
    files: Sequence[Path],
    tally: Tally,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> DltResource:
    """All raw tables of an archive, merged into what is there, and what the next read goes on from.

    Args:
        files: As `find_archive` returns them.
        tally: Counts the versions and rejected records.
        personal_data: keep, hash or drop: see `privacy`.
        personal_data_key: The key of the hash.

    Raises `ImportFileError`, and loads nothing, for a file that is not whole, and where the
    warehouse knows of a run or an import that the archive does not: its rows could be newer.
    """
    return archived_tables(files, tally, policy_of(personal_data, personal_data_key))


@dlt.resource(name="archived_tables")
def archived_tables(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    count_archive(files, tally)
    last: dict[str, Any] = {}
    for table, file in zip(RAW, files, strict=False):
        reduces = table in PERSONAL and not policy.keeps
        batches = _batches(table, file, only_usual=reduces)
        found = 0
        for rows in redacted(table, batches, policy) if reduces else batches:
            found += rows.num_rows
            if rows.num_rows:
                yield table.rows(rows)
            if table is tables.SYNC:
                last = max([last, *rows.to_pylist()], key=lambda row: row.get("sync_id", ""))
        if not found:  # the table itself, where it may not be yet
            yield table.rows([])
    if last:
        state = dlt.current.resource_state(MEETINGS)
        ids = _values(files[0], "sync_id") | {last["sync_id"]}
        state["last_id"] = max(run for run in ids if not run.startswith(IMPORTED + "-"))
        state["last_read"] = {name: last[name] for name in ("sync_id", "started_at")}
        state["last_read"]["has_listed"] = last["meetings_seen"] > 0


def count_archive(files: Sequence[Path], tally: Tally) -> None:
    """Reads all of the archive; counts in `tally` what it would add to what is loaded already."""
    for table, file in zip(RAW, files, strict=False):
        for _ in _batches(table, file, only_usual=False):
            pass
    versions, _, _, rejected, syncs, *_ = files
    text = pa.schema([("value", pa.string())])
    with Destination().open() as stored:

        def known(column: str, table: RawTable) -> set[str]:
            query = f"select distinct {column} as value from {table.name}"
            return set(stored.table(query, text, table)["value"].to_pylist())

        runs = known("sync_id", tables.VERSIONS) | known("sync_id", tables.SYNC)
        slugs, records = known("slug", tables.VERSIONS), known("record_id", tables.REJECTED)
        stored_versions = stored.count(tables.VERSIONS) if slugs else 0
    if more := runs - _values(versions, "sync_id") - _values(syncs, "sync_id"):
        raise ImportFileError(
            f"Nothing was imported: the warehouse holds {len(more):,} runs or imports that the"
            " archive does not. Import it into a new warehouse (destination.warehouse.credentials)."
        )
    in_archive = parquet.read_metadata(versions).num_rows
    bad = _values(rejected, "record_id")
    tally.records = in_archive + len(bad)
    tally.new_versions = max(in_archive - stored_versions, 0)
    tally.new_meetings = len(_values(versions, "slug") - slugs)
    tally.rejected = len(bad - records)


def _values(file: Path, column: str) -> set[str]:
    with _naming(file):
        rows = parquet.read_table(file, columns=[column], page_checksum_verification=True)
        return set(pc.unique(rows[column]).to_pylist())


def _batches(table: RawTable, file: Path, *, only_usual: bool) -> Iterator[pa.Table]:
    """The rows, of the table's types; contacts with attributes of their own, if they may be."""
    with _naming(file), parquet.ParquetFile(file, page_checksum_verification=True) as archived:
        own = {field.name: field for field in archived.schema_arrow}
        if missing := table.columns.keys() - own.keys():
            raise LookupError(f"it lacks the column {min(missing)}")
        usual = {field.name: field for field in table.schema}
        names = [name for name in own if name in usual or not only_usual]
        schema = pa.schema([usual.get(name, own[name]) for name in names])
        for batch in archived.iter_batches(BATCH_ROWS, columns=names):
            yield pa.Table.from_batches([batch]).cast(schema)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, LookupError, ValueError) as fault:
        words = str(fault).strip("'\"").splitlines()[0]
        raise ImportFileError(f"{file} is no whole table of an archive: {words}") from fault
