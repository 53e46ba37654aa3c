"""Rows of `rejected_meetings`: records that cannot be a meeting, each kept once."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from .decode import Rejected
from .known_state import KnownState
from .tables import REJECTED


def new_rejects(
    stored: KnownState, rejected: Sequence[Rejected], sync_id: str
) -> list[dict[str, Any]]:
    """Rows for the records that the table lacks; equal ones are told apart by their number."""
    known: set[str] = set()
    if rejected:
        query = f"select record_id from {REJECTED.name}"
        ids = stored.table(query, pa.schema([("record_id", pa.string())]), REJECTED)
        known = set(ids["record_id"].to_pylist())
    times: Counter[str] = Counter()
    rows = []
    for record in rejected:
        record_id = rejected_id(record, times[record.raw_json])
        times[record.raw_json] += 1
        if record_id not in known:
            rows.append({"record_id": record_id, **vars(record), "sync_id": sync_id})
    return rows


def rejected_id(record: Rejected, number: int) -> str:
    """A digest that tells equal records apart by their number."""
    return hashlib.sha256(f"{number}:{record.raw_json}".encode()).hexdigest()[:32]
