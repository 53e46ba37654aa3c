"""Two dlt sources of what lies in files: meetings, as states that are older than any read's, and
the raw tables as `--archive` wrote them.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.configuration.inject import with_config
from dlt.extract import DltResource
from pyarrow import parquet

from . import tables
from .known_state import Destination
from .privacy import PrivacyPolicy, policy_of
from .saved_files import ImportFileError, read_file
from .tables import RawTable
from .versions import KNOWN_COLUMNS, VersionSet

log = logging.getLogger(__name__)

IMPORTED: Final = "0"
"""How the `sync_id` of a version from a file begins; that of a read begins with a year."""

KNOWN: Final = pa.schema([("slug", pa.string()), *KNOWN_COLUMNS])

UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""`updated_at` of a state in a file that has neither updatedAt nor scheduledAt: whatever state of
the meeting a read has seen, or will see, is newer."""


@dataclass
class Tally:
    """What an import has found so far."""

    records: int = 0
    new_meetings: int = 0
    new_versions: int = 0
    rejected: int = 0
    """Records that cannot be a meeting, and that the warehouse did not have."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why, and how many for that; not for an archive, whose table has them."""


@dlt.source(name="drift", max_table_nesting=0)
def drift_import(
    files: Sequence[Path],
    tally: Tally,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> DltResource:
    """What files of saved answers, or an archive, hold.

    Args:
        files: As `saved_files.find_files` or `find_archive` returns them.
        tally: Counts what is found.
        personal_data: keep, hash or drop: see `privacy`.
        personal_data_key: The key of the hash.

    Returns:
        The resource `imported_meetings`: meetings, as states that are older than any read's. Or
        `archived_tables`: all raw tables, merged into what is there, and what the next read goes on
        from. A file that cannot be read raises `ImportFileError`, and nothing of any is loaded;
        so does an archive where the warehouse knows of a run or an import that it does not: the
        warehouse's rows could be newer.
    """
    resource = archived_tables if _is_archive(files) else imported_meetings
    return resource(files, tally, policy_of(personal_data, personal_data_key))


@with_config(sections=("sources", "drift"))
def count_import(
    files: Sequence[Path],
    tally: Tally,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> None:
    """Counts in `tally` what an import would add to what the active pipeline has loaded."""
    if _is_archive(files):
        _count_archive(files, tally)
        return
    for _ in _imported_versions(files, tally, policy_of(personal_data, personal_data_key)):
        pass


# --- meetings


@dlt.resource(name="imported_meetings")
def imported_meetings(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    """The versions in the files that the warehouse lacks, then what they rejected."""
    with Destination().open() as stored:
        stored.remove_leftovers()
    known_tables = dlt.current.source_schema().tables
    for table in tables.ALL:
        if table.name not in known_tables and table is not tables.IMPORT:  # the models need each
            yield table.rows([])
    yield from _imported_versions(files, tally, policy)


def _imported_versions(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    now, destination = datetime.now(UTC), Destination()
    every = (
        f"select slug, content_hash, details_hash from {tables.VERSIONS.name} where {tables.COUNTS}"
    )
    with destination.open() as stored:
        policy = policy.forgetting(stored)
        known = stored.table(every, KNOWN)
    slugs, usable, why = set(known["slug"].to_pylist()), 0, ""
    versions = VersionSet(policy.comparable(known), sync_id="", started_at=UNKNOWN_TIME)
    for number, file in enumerate(files):
        # Ids of imports sort before those of reads: a state that both have is the read's. Where
        # only the files have states with one updatedAt, the later file's is the newer one.
        versions.begin(f"{IMPORTED}-{now:%Y%m%dT%H%M%S.%fZ}-{number:06}")
        page, before = read_file(file), len(versions.rejected)
        new = versions.add([policy.page(page)])
        new_slugs = set(new["slug"].to_pylist()) - slugs
        slugs |= new_slugs
        usable += page.meetings.num_rows
        why = why or next((policy.rejected(bad).reason for bad in page.rejected), "")
        tally.records += page.rows
        tally.new_meetings += len(new_slugs)
        tally.new_versions += new.num_rows
        log.info(
            f"{tally.records:,} records read, {tally.new_versions:,} of them new, in"
            f" {number + 1:,} of {len(files):,} files",
            extra={"passing": True},
        )
        if new.num_rows:
            yield tables.VERSIONS.rows(new)
        row = {
            "sync_id": versions.sync_id,
            "imported_at": now,
            "records": page.rows,
            "versions_added": new.num_rows,
            "rejected": len(versions.rejected) - before,
        }
        yield tables.IMPORT.rows([row])
    if why and not usable:
        raise ImportFileError(
            f"Nothing was imported: none of {tally.records:,} records can be a meeting. The"
            f" first one: {why}."
        )
    with destination.open() as stored:
        rejects = policy.new_rejects(stored, versions.rejected, versions.sync_id)
    tally.rejected = len(rejects)
    tally.reasons.update(row["reason"] for row in rejects)
    if rejects:
        yield tables.REJECTED.rows(rejects)


# --- an archive

RAW: Final = (*tables.ALL, tables.FORGOTTEN)
"""What an archive holds, in the order in which it is loaded; the last one where somebody was
forgotten."""

FILES: Final = [f"{table.name}.parquet" for table in RAW]


def find_archive(paths: Sequence[Path]) -> list[Path]:
    """The files of `RAW` in their order, where the one path is an archive's.

    Raises `ImportFileError` where one is missing.
    """
    folder = paths[0] / "drift"
    if len(paths) > 1 or not any(folder.glob("*.parquet")):
        return []
    if missing := [name for name in FILES[:-1] if not (folder / name).exists()]:
        raise ImportFileError(f"The archive {paths[0]} lacks drift/{', drift/'.join(missing)}.")
    return [folder / name for name in FILES if (folder / name).exists()]


def _is_archive(files: Sequence[Path]) -> bool:
    return [file.name for file in files] in (FILES, FILES[:-1])


@dlt.resource(name="archived_tables")
def archived_tables(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    """The tables, one after another, without what may not be written."""
    _count_archive(files, tally)
    with Destination().open() as stored:
        policy = policy.forgetting(stored)
    for table, file in zip(RAW, files, strict=False):
        archived = _archived(table, file)
        if not policy.keeps:  # contacts may have attributes of their own
            archived = archived.select(list(table.columns))
        rows = policy.rows(table, archived)
        if table is tables.CONTACT and (
            told := policy.told_by_address(archived, datetime.now(UTC))
        ):
            yield tables.FORGOTTEN.rows(told)
        yield table.rows(rows)


def _count_archive(files: Sequence[Path], tally: Tally) -> None:
    """Reads all of the archive; counts in `tally` what it would add to what is loaded already."""
    archived = {
        table.name: _archived(table, file)[table.primary_key[0]].to_pylist()
        for table, file in zip(RAW, files, strict=False)
    }
    with Destination().open() as stored:
        slugs, rejected, syncs, imports = (
            stored.values(f"select {table.primary_key[0]} from {table.name}")
            for table in (tables.VERSIONS, tables.REJECTED, tables.SYNC, tables.IMPORT)
        )
    runs = {*archived[tables.SYNC.name], *archived[tables.IMPORT.name]}
    if more := {*syncs, *imports} - runs:
        raise ImportFileError(
            f"Nothing was imported: the warehouse holds {len(more):,} runs or imports that the"
            " archive does not. Import it into a new warehouse (destination.warehouse.credentials)."
        )
    versions, records = archived[tables.VERSIONS.name], archived[tables.REJECTED.name]
    tally.records = len(versions) + len(records)
    tally.new_versions = max(len(versions) - len(slugs), 0)
    tally.new_meetings = len({*versions} - {*slugs})
    tally.rejected = len({*records} - {*rejected})


def _archived(table: RawTable, file: Path) -> pa.Table:
    """The rows, of the table's types. Raises `ImportFileError` for a file that is not whole."""
    usual = {field.name: field for field in table.schema}
    try:
        with parquet.ParquetFile(file, page_checksum_verification=True) as archive:
            rows = archive.read()
        rows = rows.cast(pa.schema([usual.get(field.name, field) for field in rows.schema]))
    except (pa.ArrowException, OSError, ValueError) as fault:
        words = str(fault).splitlines()[0]
        raise ImportFileError(f"{file} is no whole table of an archive: {words}") from fault
    if missing := usual.keys() - {*rows.column_names}:
        raise ImportFileError(
            f"{file} is no whole table of an archive: it lacks the column {min(missing)}"
        )
    return rows
