"""The copies of the pipeline's DuckDB file: the one that analysts open, and a few older ones.

DuckDB lets one process write a file, or many read it. So the pipeline writes to a file of its own,
and publishes a copy under a symbolic link. DuckDB resolves the link, so the write-ahead log of
somebody who opened an older copy for writing lies beside that copy, and harms no newer one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from warehouse.errors import SettingError

KEPT_COPIES: Final = 3
"""Whoever opens the link just before it moves finds the copy it pointed to still there."""

NEXT: Final = "next"
"""The folder of a copy that is being made."""

WITHOUT_LINK: Final = "published-without-link"
"""A file beside the copies, where links cannot be made: what is published is the pipeline's."""


def check_snapshot(snapshot: Path, database: Path) -> None:
    """Raises `SettingError` where a copy could not be written, or publishing would destroy a file
    of somebody else's."""
    if "?" in str(snapshot):  # DuckDB 1.5 puts the log beside another file
        raise SettingError(
            f"bookings.snapshot has a ? in it, where DuckDB cannot write: {snapshot}"
        )
    if snapshot.resolve() == database:
        raise SettingError(
            "bookings.snapshot and destination.warehouse.credentials name the same file: the "
            "pipeline writes to one of its own, and publishes a copy."
        )
    if not snapshot.parent.is_dir():
        raise SettingError(f"bookings.snapshot lies in a folder that is not there: {snapshot}")
    if snapshot.exists() and not was_published(snapshot):
        raise SettingError(
            f"{snapshot} is a file that this pipeline did not publish: move it away, or set "
            "bookings.snapshot to another path."
        )


@contextmanager
def next_copy(database: Path, snapshot: Path, *, kept: int, mode: int) -> Iterator[Path]:
    """A copy of `database` to be finished, and published when the block ends.

    It gets the file mode `mode`, `snapshot` points to it in one step, and the newest `kept` copies
    are left, this one included. Where the block raises, the copy is removed. What `database` holds
    must be in the file itself, and nobody may be writing to it.
    """
    remove_unfinished(snapshot)
    older = _folders(snapshot)
    folder = _copies(snapshot) / NEXT
    folder.mkdir(parents=True)
    try:
        # The same name each time: it is the catalog's name in DuckDB.
        copy = Path(shutil.copyfile(database, folder / snapshot.name))
        yield copy
        copy.chmod(mode)
        for above in (folder, folder.parent):  # whoever may read the file comes to it
            above.chmod(mode | (mode & 0o444) >> 2)
        newest = int(older[-1].name) if older else 0
        folder = folder.rename(folder.with_name(f"{newest + 1:08}"))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _point(snapshot, folder / snapshot.name)
    for old in older[: max(len(older) + 1 - kept, 0)]:
        shutil.rmtree(old, ignore_errors=kept > 1)


def remove_unfinished(snapshot: Path) -> None:
    """Removes the copy that a run did not finish."""
    shutil.rmtree(_copies(snapshot) / NEXT, ignore_errors=True)


def published_copies(snapshot: Path) -> list[Path]:
    """The files of the copies that are left, the newest first."""
    files = [folder / snapshot.name for folder in reversed(_folders(snapshot))]
    return [file for file in files if file.is_file()]


def was_published(snapshot: Path) -> bool:
    """Whether the path holds, or once held, what this pipeline published."""
    return snapshot.is_symlink() or (_copies(snapshot) / WITHOUT_LINK).exists()


def _folders(snapshot: Path) -> list[Path]:
    """The folders of the copies, the oldest first: no clock says which is older."""
    return sorted(_copies(snapshot).glob("[0-9]" * 8))


def _point(snapshot: Path, copy: Path) -> None:
    aside = snapshot.with_name(f".{snapshot.name}.next")
    aside.unlink(missing_ok=True)
    try:
        aside.symlink_to(copy.relative_to(snapshot.parent))
    except OSError:
        # Windows makes links only for those with the right to: a renamed copy serves read-only
        # readers as well.
        shutil.copy(copy, aside)
        (_copies(snapshot) / WITHOUT_LINK).touch()
    aside.replace(snapshot)


def _copies(snapshot: Path) -> Path:
    return snapshot.with_name(f".{snapshot.name}.copies")
