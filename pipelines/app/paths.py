"""Where a project keeps its files: those of runs, or the demo's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlt import Pipeline

from app.settings import Settings
from warehouse.destination import open_demo, open_warehouse
from warehouse.reading import Query, open_published, open_snapshot


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
        """A file that is there while something has gone that files still hold."""
        return self.folder / "purge"

    def open(self) -> Pipeline:
        """The pipeline, for whoever holds the lock."""
        opened = open_demo if self.is_demo else open_warehouse
        return opened(self.folder / "pipeline.duckdb", self.folder / "pipelines")

    @contextmanager
    def published(self) -> Iterator[Query]:
        """Asks what analysts see, whether or not a run is under way."""
        if self.is_demo:
            with open_snapshot(self.snapshot) as query:
                yield query
        else:
            with open_published(self.folder / "pipeline.duckdb", self.snapshot) as query:
                yield query
