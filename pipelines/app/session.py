"""What every command that writes goes through: lock, open, load, publish, report.

A command takes the parts in this order, and does its own work while it is `loading`:

    session = Session(project, demo=False)
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            pipeline.run(…)
        built = session.publish()
        session.report()
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
from dlt import Pipeline

from app import process
from app.console import Steps
from app.paths import Paths
from app.settings import read_settings
from drift.redact import holds_forgotten, redact
from warehouse.build import Built, Project
from warehouse.copies import KEPT_COPIES, check_snapshot, next_copy, remove_unfinished
from warehouse.destination import kept_open
from warehouse.lease import run_lease
from warehouse.lock import run_lock
from warehouse.own_file import bring_back, rewrite_file, watched
from warehouse.publish import build_copy, publish_tables


class Session:
    """A command's settings, paths and steps; and its pipeline, once it is open."""

    def __init__(self, project: Path, *, demo: bool) -> None:
        process.imported()
        self.settings = read_settings(project)
        self.paths = Paths.of(project, self.settings, demo=demo)
        self.steps = Steps()
        self._sql = project / "sql"
        self._report_to = None if demo else self.settings.report
        self._restored: list[str] = []

    def locked(self) -> AbstractContextManager[None]:
        """Keeps other runs on this machine away. Raises `LockedError` after the time to wait."""
        return run_lock(self.paths.lock, wait_seconds=self.settings.bookings.lock_wait_seconds)

    @contextmanager
    def opened(self) -> Iterator[Pipeline]:
        """The pipeline, other machines' runs kept away from its destination.

        Whatever would stop the command at its end (a path that it may not write, say) is raised
        here, before anything is read.
        """
        self.warehouse = self.paths.warehouse
        self.pipeline = self.warehouse.open(self.paths.working)
        if self._report_to:
            from report import check_report  # noqa: PLC0415 - most runs write none

            check_report(self._report_to)
        if database := self.warehouse.file:
            check_snapshot(self.paths.snapshot, database)
            remove_unfinished(self.paths.snapshot)
            self._restored = bring_back(database, self.paths.snapshot, self.paths.temporary)
            with watched(database):
                yield self.pipeline
            return
        with ExitStack() as held:
            if not self.warehouse.is_for_one_process:
                wait = self.settings.bookings.lock_wait_seconds
                held.enter_context(run_lease(self.pipeline, self.paths.folder, wait_seconds=wait))
                held.enter_context(process.at_signal(lambda _: held.close()))
            yield self.pipeline

    def loading(self) -> AbstractContextManager[None]:
        """The destination kept open."""
        return kept_open(self.warehouse.file, self.settings.bookings.duckdb_memory)

    def remove_personal_data(self) -> None:
        """Removes from the raw tables what may not be kept. Older copies go as this is published,
        here or, if this is killed, in the next run.
        """
        self.paths.purge.touch()
        with self.steps.step("raw tables"):
            redact(self.pipeline)

    def remove_what_came_since(self) -> None:
        """The same where it was killed, or where a read has told who else is to be forgotten.

        Both before a read and after it: a record that is stored whole, and comes without what has
        to go, would be there twice.
        """
        if self.paths.purge.exists() or holds_forgotten(self.pipeline):
            self.remove_personal_data()

    def publish(self) -> Built:
        """Makes and checks the models over what is loaded, and publishes them.

        Where something has gone that older copies may hold, they go too.
        """
        bookings, database = self.settings.bookings, self.warehouse.file
        pa.default_memory_pool().release_unused()  # some 100 MB that the models can have
        is_purging = self.paths.purge.exists()
        if database and is_purging:
            with self.steps.step("removal of older files"):
                rewrite_file(database, self.paths.temporary, bookings.duckdb_memory)
        with self.steps.step("models and checks"):
            project = Project.read(self._sql, {"time_zone": bookings.time_zone})
            if database:
                kept, mode = 1 if is_purging else KEPT_COPIES, int(bookings.snapshot_mode, 8)
                with next_copy(database, self.paths.snapshot, kept=kept, mode=mode) as copy:
                    built = build_copy(self.pipeline, copy, project, bookings.duckdb_memory)
            else:
                built = publish_tables(self.pipeline, project)
        self.paths.purge.unlink(missing_ok=True)
        return built

    def report(self) -> None:
        """Writes the report of what is published, where the settings ask for one."""
        if self._report_to:
            from report import write_report  # noqa: PLC0415

            with self.steps.step("report"), self.paths.published() as query:
                write_report(query, self._sql, self._report_to)

    def footer(self) -> list[str]:
        """The summary's last lines: how long the steps took, and where the tables are."""
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.steps.seconds.items())
        where = self.paths.snapshot if self.warehouse.file else self.warehouse.label
        return [*self._restored, f"took       {took}", f"database   {where}"]
