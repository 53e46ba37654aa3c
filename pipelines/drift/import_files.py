"""A dlt source of meetings in files: saved answers, as states that are older than any read's."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import dlt
from dlt.common.configuration.inject import with_config
from dlt.extract import DltResource

from . import tables
from .decode import Page
from .errors import ImportFileError
from .forgotten import forgetting
from .known_state import Destination
from .meetings import ROWS_PER_BATCH
from .privacy import PrivacyPolicy, policy_of
from .rejects import new_rejects
from .saved_files import read_file
from .versions import KNOWN_COLUMNS, VersionSet

log = logging.getLogger(__name__)

IMPORTED: Final = "0"
"""How the `sync_id` of a version from a file begins; that of a read begins with a year."""

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
    """The meetings in files of saved answers, as states that are older than any read's.

    Args:
        files: As `saved_files.find_files` returns them.
        tally: Counts what is found.
        personal_data: keep, hash or drop: see `privacy`.
        personal_data_key: The key of the hash.

    Returns:
        The resource `imported_meetings`, which writes the tables `meeting_versions` and
        `rejected_meetings`, and counts in `tally`. A file that cannot be read raises
        `ImportFileError`, and nothing of any file is loaded.
    """
    return imported_meetings(files, tally, policy_of(personal_data, personal_data_key))


@dlt.resource(name="imported_meetings")
def imported_meetings(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    """The versions in the files that the warehouse lacks, in batches, then what they rejected."""
    known_tables = dlt.current.source_schema().tables
    for table in tables.ALL:
        if table.name not in known_tables and table is not tables.VERSIONS:  # the models need each
            yield table.rows([])
    yield from _imported_versions(files, tally, policy)


@with_config(sections=("sources", "drift"))
def count_import(
    files: Sequence[Path],
    tally: Tally,
    personal_data: str = "keep",
    personal_data_key: dlt.TSecretStrValue | None = None,
) -> None:
    """Counts in `tally` what an import would add to what the active pipeline has loaded."""
    for _ in _imported_versions(files, tally, policy_of(personal_data, personal_data_key)):
        pass


def _imported_versions(files: Sequence[Path], tally: Tally, policy: PrivacyPolicy) -> Iterator[Any]:
    now, destination = datetime.now(UTC), Destination()
    every_version = (
        "select slug, case when not is_updated_at_inferred then updated_at end as updated_at,"
        f" content_hash, true as is_newest from {tables.VERSIONS.name}"
    )
    with destination.open() as stored:
        policy = forgetting(policy, stored)
        known = stored.table(every_version, KNOWN_COLUMNS, tables.VERSIONS)
    usable, why = 0, ""
    with closing(VersionSet(known, sync_id="", started_at=UNKNOWN_TIME)) as versions:
        for number, file in enumerate(files):
            # Ids of imports sort before those of reads: a state that both have is the read's. Where
            # only the files have states with one updatedAt, the later file's is the newer one.
            versions.sync_id = f"{IMPORTED}-{now:%Y%m%dT%H%M%S.%fZ}-{number:06}"
            pages: list[Page] = []
            for page in chain(read_file(file), [None]):
                if page:
                    pages.append(replace(page, meetings=policy.meetings(page.meetings)))
                    tally.records += page.rows
                    usable += page.meetings.num_rows
                    why = why or next((policy.rejected(bad).reason for bad in page.rejected), "")
                    log.info(
                        f"{tally.records:,} records read, {tally.new_versions:,} of them new, in"
                        f" {number + 1:,} of {len(files):,} files",
                        extra={"passing": True},
                    )
                if pages and (not page or sum(p.rows for p in pages) >= ROWS_PER_BATCH):
                    new, meetings = versions.add_imported(pages)
                    tally.new_meetings += meetings
                    tally.new_versions += new.num_rows
                    pages = []
                    if new.num_rows:
                        yield tables.VERSIONS.rows(new)
        if why and not usable:
            raise ImportFileError(
                f"Nothing was imported: none of {tally.records:,} records can be a meeting. The"
                f" first one: {why}."
            )
        if not tally.new_versions:  # the table itself, where it may not be yet
            yield tables.VERSIONS.rows(versions.rest())
        rejected = [policy.rejected(record) for record in versions.rejected]
        with destination.open() as stored:
            rejects = new_rejects(stored, rejected, versions.sync_id)
        tally.rejected = len(rejects)
        tally.reasons.update(row["reason"] for row in rejects)
        if rejects:
            yield tables.REJECTED.rows(rejects)
