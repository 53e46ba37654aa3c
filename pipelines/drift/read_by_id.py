"""Contacts and conversations: one request for each that meetings name and nobody has read yet."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from .endpoints import Endpoint
from .errors import DriftError, ForbiddenError, GoneError, OutOfTimeError
from .limits import Budget
from .records import Row
from .related import Report
from .run import Run
from .tables import FORGOTTEN, RawTable

log = logging.getLogger(__name__)

PATIENCE: Final = 3
"""Records in a row that cannot be read before the rest is left to the next run."""

WAITING_EACH: Final = 4
"""Records that are asked for at once, for each request under way: who waits for another try needs
no place among these."""


@dataclass(frozen=True)
class Wanted:
    """How records are asked for that have a request each."""

    endpoint: Endpoint
    table: RawTable
    decode: Callable[[bytes], Row]
    most: int
    """In one run."""


def read_by_id(
    run: Run, wanted: Wanted, ids: Sequence[int], *, share: float = 1.0
) -> Iterator[Any]:
    """Rows of these records, as many as can be read within a share of the time that is left."""
    if not ids:
        return
    report, table, read_at = Report(), wanted.table, run.read_at()
    budget = run.details_budget(share)

    def read(number: int) -> Row:
        row: Row = {"is_gone": False}
        try:
            row |= run.client.get(wanted.endpoint, wanted.decode, budget=budget, id=number)
        except GoneError:
            row["is_gone"] = True
        return row | {"id": number, "read_at": read_at}

    asked = ids[: wanted.most]
    rows, failed, failure = _read_each(read, asked, table.name, run.in_flight, budget)
    left = len(ids) - len(rows)
    report.read(f"{len(rows):,} {table.name}" + f" ({left:,} left to the next runs)" * bool(left))
    if failure:
        some = f"{failed:,} could not be read: "
        if isinstance(failure, ForbiddenError | OutOfTimeError):
            some = ""
        report.missing(f"{table.name}: {some}{failure}")
    if rows:
        found = pa.Table.from_pylist(rows, schema=table.schema)
        kept = run.privacy.rows(table, found)
        if told := sorted({*found["id"].to_pylist()} - {*kept["id"].to_pylist()}):
            # By their addresses: from now on their ids tell, which their meetings have as well.
            yield FORGOTTEN.rows([{"visitor": str(n), "forgotten_at": read_at} for n in told])
        yield table.rows(kept)


def _read_each(
    read: Callable[[int], Row], ids: Sequence[int], name: str, in_flight: int, budget: Budget
) -> tuple[list[Row], int, DriftError | None]:
    """Rows of those that could be read, the number of those that could not, and the last reason.

    A refusal of the token ends it at once, `PATIENCE` failures in a row soon after, and so does
    the budget: what was read by then is kept.
    """
    waiting, running = deque(ids), set[Future[Row]]()
    rows: list[Row] = []
    failed, in_a_row, failure, late = 0, 0, None, None
    with ThreadPoolExecutor(WAITING_EACH * in_flight, thread_name_prefix="drift") as pool:
        try:
            while waiting or running:
                # The first one alone: it says whether the token may ask.
                most = WAITING_EACH * in_flight if rows or failed else 1
                while waiting and len(running) < most:
                    running.add(pool.submit(read, waiting.popleft()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        rows.append(future.result())
                        in_a_row = 0
                    except OutOfTimeError as error:
                        late = error
                        waiting.clear()
                    except DriftError as error:
                        failed, in_a_row = failed + 1, in_a_row + 1
                        failure = failure if isinstance(failure, ForbiddenError) else error
                        if isinstance(error, ForbiddenError) or in_a_row == PATIENCE:
                            waiting.clear()
                log.info(f"{len(rows):,} of {len(ids):,} {name} read", extra={"passing": True})
        finally:
            pool.shutdown(cancel_futures=True)
    return rows, failed, failure or (None if rows else late)
