"""What every command that writes goes through: lock, open, recover, build, publish, report.

A command takes the parts in this order, and does its own work while it is `loading`:

    session = Session(project, demo=False)
    with session.locked(), session.opened() as pipeline:
        with session.loading():
            pipeline.run(…)
            built = session.build()
        session.publish()
        session.report()
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import dlt
from dlt import Pipeline

from app import process
from app.console import Steps
from app.paths import Paths
from app.settings import read_settings
from drift import holds_forgotten
from drift.records import Row
from drift.redact import drift_redacted
from drift.tables import KNOWN_BY
from warehouse.build import Built, build
from warehouse.comments import describe_raw
from warehouse.destination import RAW_STAGING, destination_label, duckdb_file, kept_open
from warehouse.lease import run_lease
from warehouse.lock import run_lock
from warehouse.purge import forget_packages, rewrite_file
from warehouse.recovery import finish_interrupted
from warehouse.restore import note_published, restore
from warehouse.snapshot import KEPT_COPIES, check_snapshot, publish


class Session:
    """A command's settings, paths and steps; and its pipeline, once it is open."""

    def __init__(self, project: Path, *, demo: bool) -> None:
        process.imported()
        self.settings = read_settings(project)
        self.paths = Paths.of(project, self.settings, demo=demo)
        self.steps = Steps()
        self._sql = project / "sql"
        self._report_to = None if demo else self.settings.report
        self.database: Path | None = None
        """The file that the pipeline writes, where its destination is DuckDB."""
        self._where = ""
        self._restored: list[str] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runs on this machine away. Raises `LockedError` after the time to wait."""
        with run_lock(self.paths.lock, wait_seconds=self.settings.bookings.lock_wait_seconds):
            with suppress(PermissionError):  # what former versions wrote is open to all
                self.paths.folder.chmod(0o700)
            yield

    @contextmanager
    def opened(self) -> Iterator[Pipeline]:
        """The pipeline, other machines' runs kept away from its destination.

        Whatever would stop the command at its end (a path that it may not write, say) is raised
        here, before anything is read.
        """
        self.pipeline = self.paths.open()
        self.database = duckdb_file(self.pipeline)
        with ExitStack() as held:
            if self.database:
                check_snapshot(self.paths.snapshot, self.database)
                self._restored = restore(
                    self.database,
                    self.paths.snapshot,
                    KNOWN_BY,
                    Path(self.pipeline.working_dir),
                    is_rewritten=self.paths.purge.exists() and self.pipeline.has_pending_data,
                )
                if self._restored:
                    self.pipeline = self.paths.open()
                self._where = str(self.paths.snapshot)
            else:
                wait = self.settings.bookings.lock_wait_seconds
                held.enter_context(run_lease(self.pipeline, self.paths.folder, wait_seconds=wait))
                held.enter_context(process.at_signal(lambda _: held.close()))
                self._where = destination_label(self.pipeline)
            if self._report_to:
                from report import check_report  # noqa: PLC0415 - most runs write none

                check_report(self._report_to)
            yield self.pipeline

    @contextmanager
    def loading(self) -> Iterator[None]:
        """The destination kept open, what an interrupted run had read loaded first."""
        with kept_open(self.database, self.settings.bookings.duckdb_memory):
            finish_interrupted(self.pipeline)
            yield

    def build(self) -> Built:
        """Builds and checks the models over what is loaded."""
        with self.steps.step("models and checks"):
            describe_raw(self.pipeline)
            return build(self.pipeline, self._sql, {"time_zone": self.settings.bookings.time_zone})

    def redact(self, forgotten: Sequence[Row] = ()) -> None:
        """Rewrites the raw tables. What files hold of the old ones goes as this is published, here
        or, if this is killed, in the next run.
        """
        self.paths.purge.touch()
        with self.steps.step("raw tables"):
            # One table after another: a DuckLake's catalogue in a file is opened once at a time.
            dlt.config["extract.next_item_mode"] = "fifo"
            self.pipeline.run(drift_redacted(forgotten))
            dlt.config["extract.next_item_mode"] = "round_robin"

    def redact_again(self) -> None:
        """The same where it was killed, or where a read has told who else is to be forgotten."""
        if self.paths.purge.exists() or holds_forgotten(self.pipeline):
            self.redact()

    def publish(self) -> None:
        """Publishes a copy of a DuckDB file. Elsewhere `build` has published the tables."""
        kept = KEPT_COPIES
        if self.paths.purge.exists():
            kept = 1
            with self.steps.step("removal of older files"):
                forget_packages(self.pipeline)
                if self.database:
                    rewrite_file(self.database, self.settings.bookings.duckdb_memory)
        if self.database:
            with self.steps.step("snapshot"):
                publish(
                    self.database,
                    self.paths.snapshot,
                    without=[RAW_STAGING],
                    kept=kept,
                    mode=int(self.settings.bookings.snapshot_mode, 8),
                )
                note_published(self.database, self.paths.snapshot)
        self.paths.purge.unlink(missing_ok=True)

    def report(self) -> None:
        """Writes the report of what is published, where the settings ask for one."""
        if self._report_to:
            from report import write_report  # noqa: PLC0415

            with self.steps.step("report"), self.paths.published() as query:
                write_report(query, self._sql, self._report_to)

    def footer(self) -> list[str]:
        """The summary's last lines: how long the steps took, and where the tables are."""
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.steps.seconds.items())
        return [*self._restored, f"took       {took}", f"database   {self._where}"]
