"""One run at a time on a destination that several machines share.

A row in the destination says who runs, and until when unless he says so again. Whoever dies stops
saying so, and the next run waits no longer than that; a run from the same working folder, where the
lock file tells that the last one is over, does not wait at all.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseException, DestinationConnectionError
from dlt.destinations.sql_client import SqlClientBase

from warehouse.dialect import transpile
from warehouse.lock import LockedError
from warehouse.tables import ensure_dataset, has_transactions

log = logging.getLogger(__name__)

LEASE_MINUTES: Final = 10
RENEWED_SECONDS: Final = 120.0

CREATE: Final = """
    create table if not exists run_lease as
    select
        cast('' as varchar) as owner,
        cast('1970-01-01 00:00:00+00:00' as timestamptz) as expires_at
"""
TAKE: Final = """
    update run_lease
    set owner = '{owner}', expires_at = current_timestamp + interval {minutes} minute
    where owner in ('{owner}', '') or expires_at < current_timestamp
"""
READ: Final = "select owner, expires_at from run_lease"


class Lease:
    """Who runs, as the destination's own clock and row have it."""

    def __init__(self, pipeline: Pipeline, owner: str) -> None:
        self._client: SqlClientBase[Any] = pipeline.sql_client()
        self._owner = owner
        driver: Any = self._client.dbapi
        self.faults = (DatabaseException, DestinationConnectionError, driver.Error)
        """What can be raised where the destination cannot be reached."""

    def take(self) -> tuple[str, datetime | None] | None:
        """Takes or renews it. If somebody else has it, who, and until when."""
        with self._client as client:
            self._do(client, TAKE.format(owner=self._owner, minutes=LEASE_MINUTES))
            [(owner, expires_at)] = client.execute_sql(transpile(client, READ)) or [("", None)]
        return None if owner == self._owner else (str(owner), expires_at)

    def create(self) -> None:
        """Makes the row, unless it is there."""
        with self._client as client:
            ensure_dataset(client, client.dataset_name)
        with self._client as client:  # opened anew: DuckLake's goes by the datasets it finds then
            self._do(client, CREATE)

    def give_up(self) -> None:
        with self._client as client:
            self._do(client, f"update run_lease set owner = '' where owner = '{self._owner}'")

    def _do(self, client: SqlClientBase[Any], statement: str) -> None:
        client.execute_sql(transpile(client, statement))


@contextmanager
def run_lease(pipeline: Pipeline, folder: Path, *, wait_seconds: float) -> Iterator[None]:
    """Keeps other machines' runs away from the pipeline's destination.

    Raises `LockedError` when another run still has it after `wait_seconds`. Where a destination has
    no transactions, two runs at once could both think that they have it, so there is none.
    """
    if not has_transactions(pipeline.sql_client()):
        yield
        return
    lease = Lease(pipeline, _owner(folder))
    try:
        lease.create()
    except DatabaseException:  # of two that start at one instant, the other has made it
        lease.create()
    deadline = time.monotonic() + wait_seconds
    while other := lease.take():
        if time.monotonic() >= deadline:
            who, until = other
            raise LockedError(
                f"Another run is under way on this destination (by {who}, who has it until "
                f"{until:%H:%M:%S %Z} unless renewed); this one waited {wait_seconds:g} seconds "
                "and left everything to it."
            )
        time.sleep(1.0)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, over), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        try:
            lease.give_up()
        except lease.faults as fault:
            log.warning(f"the destination was not told that this run is over: {fault}")


def _renew(lease: Lease, over: threading.Event) -> None:
    while not over.wait(RENEWED_SECONDS):
        try:
            if other := lease.take():
                log.warning(f"this run was away for so long that {other[0]} has begun another")
        except lease.faults as fault:
            log.warning(f"the destination was not told that this run goes on: {fault}")


def _owner(folder: Path) -> str:
    """This machine's name, and a mark of this working folder: names of machines are not unique."""
    mark = folder / "id"
    if not mark.exists():
        mark.write_text(uuid4().hex[:12], "utf-8")
    return f"{socket.gethostname()} {mark.read_text('utf-8')}".replace("'", "")
