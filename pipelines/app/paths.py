"""Where a project keeps its files: those of runs, or the demo's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from app.settings import Settings
from warehouse.destination import (
    TEMPORARY,
    Warehouse,
    configured_warehouse,
    demo_warehouse,
)
from warehouse.lock import no_run_meanwhile
from warehouse.own_file import file_fault
from warehouse.reading import Query, open_published


@dataclass(frozen=True)
class Paths:
    """The folder of what runs write for themselves, and the file that analysts open."""

    folder: Path
    snapshot: Path
    is_demo: bool

    @classmethod
    def of(cls, project: Path, settings: Settings, *, demo: bool) -> "Paths":
        folder = project / ".dlt" / ".var"
        if demo:
            return cls(folder / "demo", project / "demo.duckdb", is_demo=True)
        return cls(folder, settings.snapshot, is_demo=False)

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def last_run(self) -> Path:
        return self.folder / "last_run.json"

    @property
    def purge(self) -> Path:
        """A file that is there while older copies may hold what is gone from the raw tables."""
        return self.folder / "purge"

    @property
    def working(self) -> Path:
        """Where dlt's working folder is, which each run makes anew."""
        return self.folder / "pipelines"

    @property
    def temporary(self) -> Path:
        """Temporary files, which each run removes."""
        return self.working / TEMPORARY

    @cached_property
    def warehouse(self) -> Warehouse:
        """Where the tables are, as the settings have it."""
        database = self.folder / "pipeline.duckdb"
        return demo_warehouse(database) if self.is_demo else configured_warehouse(database)

    @contextmanager
    def published(self) -> Iterator[Query]:
        """Asks what analysts see, whether or not a run is under way."""
        with open_published(self.warehouse, self.snapshot, self.temporary) as query:
            yield query

    def find_trouble(self) -> tuple[bool, str | None]:
        """Whether no run is under way; and what is wrong with the file that the pipeline writes."""
        with no_run_meanwhile(self.lock) as is_free:
            database = self.warehouse.file
            # A folder that is not there is another machine's, perhaps.
            if not is_free or self.is_demo or not database or not database.parent.exists():
                return is_free, None
            try:
                fault = file_fault(database)
            except (OSError, duckdb.Error):  # whoever asks may not know, or not now
                fault = ""
            return True, f"{database} {fault}" if fault else None
