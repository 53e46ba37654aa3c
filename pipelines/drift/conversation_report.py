"""Conversations in bulk: Drift's report says when each began, and which playbook it came from."""

import logging
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from . import endpoints, tables
from .errors import OutOfTimeError, RefusedError
from .records import REPORT_METRICS, report_rows
from .related import Report
from .run import Run
from .values import UTC_TIME, to_milliseconds
from .waiting import wanted_records

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000

LOOKBACK_DAYS: Final = 30
"""How long before its first booking a conversation is looked for in bulk."""

MOST_QUERIES: Final = 50
"""In one run: Drift answers 60 a minute."""


def read_conversations(run: Run) -> Iterator[Any]:
    """Rows of `conversations`, by Drift's report.

    Those that it does not have are left to `conversations_by_id`: all of them where Drift refuses
    the report, none where it fails or takes too long.
    """
    yield from run.wait_for_meetings()
    report, table = Report(), tables.CONVERSATION
    run.single_conversations = []
    wanted = wanted_records(run, table, "conversation_id")
    if not wanted.num_rows:
        return
    parts: list[pa.Table] = []
    missing = dict.fromkeys(wanted["id"].to_pylist(), True)  # ordered
    is_read = False
    with report.contain(table.name):
        try:
            for found in _found(run, wanted):
                is_new = [missing.pop(number, False) for number in found["id"].to_pylist()]
                parts.append(found.filter(pa.array(is_new, pa.bool_())))
                if not missing:
                    break
        except RefusedError as refusal:
            log.info(f"conversations are read one by one: {refusal}")
        is_read = True
    if is_read:
        run.single_conversations = list(missing)
    if rows := sum(part.num_rows for part in parts):
        report.read(f"{rows:,} {table.name}")
        read = pa.concat_tables(parts)
        read = read.append_column("is_gone", pa.repeat(pa.scalar(False), rows))
        read = read.append_column("read_at", pa.repeat(pa.scalar(run.read_at(), UTC_TIME), rows))
        # What a report does not say is null.
        read = pa.concat_tables([table.schema.empty_table(), read], promote_options="default")
        yield table.rows(run.privacy.rows(table, read))


def _found(run: Run, wanted: pa.Table) -> Iterator[pa.Table]:
    """Rows of all conversations that began when the wanted ones may have.

    Where the report counts more than it has, the span is cut: nobody has written down whether
    answers are capped.
    """
    budget = run.list_budget(tables.CONVERSATION.name)
    oldest, newest = pc.min(wanted["oldest_at"]).as_py(), pc.max(wanted["newest_at"]).as_py()
    last = to_milliseconds(min(newest, run.read_at())) + DAY_MS
    spans = [(max(1, to_milliseconds(oldest) - LOOKBACK_DAYS * DAY_MS), last)]
    for _ in range(MOST_QUERIES):
        if not spans:
            return
        begin, end = spans.pop()
        # A millisecond to spare on either side: nobody says whether the bounds are included.
        began = {"property": "createdAt", "operation": "BETWEEN", "values": [begin - 1, end + 1]}
        query = {"filters": [began], "metrics": list(REPORT_METRICS)}
        count, records, rows = run.client.get(
            endpoints.CONVERSATION_REPORT, report_rows, body=query, budget=budget
        )
        yield rows
        if count != records and begin < end:
            middle = (begin + end) // 2
            spans += [(begin, middle), (middle + 1, end)]
    raise OutOfTimeError(f"{MOST_QUERIES} reports were not enough for all of them.")
