"""The copy of the DuckDB file that analysts open: always whole, never in the writer's way.

DuckDB lets one process write a file, or many read it. So the pipeline writes to a file of its own,
and publishes a copy under a symbolic link. DuckDB resolves the link, so the write-ahead log of
somebody who opened an older copy for writing lies beside that copy, and harms no newer one.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from warehouse.errors import SettingError

KEPT_COPIES: Final = 3
"""Whoever opens the link just before it moves finds the copy it pointed to still there."""

NUMBERED: Final = re.compile(r"[0-9]+")
"""The name of a copy's folder."""


class SnapshotError(SettingError):
    """The snapshot's path holds something that is not the pipeline's to replace."""


def check_snapshot(snapshot: Path, database: Path) -> None:
    """Raises `SnapshotError` where publishing would destroy a file of somebody else's."""
    if snapshot.resolve() == database:
        raise SnapshotError(
            "bookings.snapshot and destination.warehouse.credentials name the same file: the "
            "pipeline writes to one of its own, and publishes a copy."
        )
    if not snapshot.parent.is_dir():
        raise SnapshotError(f"bookings.snapshot lies in a folder that is not there: {snapshot}")
    if snapshot.exists() and not _is_ours(snapshot):
        raise SnapshotError(
            f"{snapshot} is a file that this pipeline did not publish: move it away, or set "
            "bookings.snapshot to another path."
        )


def publish(
    database: Path,
    snapshot: Path,
    *,
    without: Sequence[str] = (),
    kept: int = KEPT_COPIES,
    mode: int = 0o600,
) -> None:
    """Points `snapshot` at a fresh copy of `database`, less the schemas in `without`.

    The copy has the file mode `mode`, and the newest `kept` copies are left, this one included. No
    process may have `database` open. The copy is complete before the link moves, in one step.
    """
    older, before, copies = _folders(snapshot), snapshot.resolve().parent, _copies(snapshot)
    names = [path.name for path in copies.iterdir()] if copies.is_dir() else []
    number = max((int(name) for name in names if NUMBERED.fullmatch(name)), default=0)
    folder = copies / f"{number + 1:08}"
    folder.mkdir(parents=True)
    copy = folder / snapshot.name  # the same name each time: it is the catalog's name in DuckDB
    shutil.copyfile(database, copy)
    with duckdb.connect(str(copy)) as connection:
        for schema in without:
            connection.execute(f'drop schema if exists "{schema}" cascade').fetchall()
        connection.execute("checkpoint").fetchall()
    copy.chmod(mode)
    for above in (folder, folder.parent):  # whoever may read the file comes to it
        above.chmod(mode | (mode & 0o444) >> 2)
    _point(snapshot, copy)
    for old in older[: max(len(older) + 1 - kept, 0)]:
        if old != before or kept == 1:
            shutil.rmtree(old, ignore_errors=kept > 1)


def published_copies(snapshot: Path) -> list[Path]:
    """The files of the copies that are left, the newest first."""
    files = [folder / snapshot.name for folder in reversed(_folders(snapshot))]
    return [file for file in files if file.is_file()]


def _folders(snapshot: Path) -> list[Path]:
    """The folders of the copies, the oldest first: no clock says which is older.

    Those of former versions are named by the time, and older than each that has a number.
    """
    copies = _copies(snapshot)
    folders = [path for path in copies.iterdir() if path.is_dir()] if copies.is_dir() else []
    return sorted(
        folders, key=lambda path: (bool(NUMBERED.fullmatch(path.name)), path.name.zfill(24))
    )


def _point(snapshot: Path, copy: Path) -> None:
    aside = snapshot.with_name(f".{snapshot.name}.next")
    aside.unlink(missing_ok=True)
    try:
        aside.symlink_to(copy.relative_to(snapshot.parent))
    except OSError:
        # Windows makes links only for those with the right to: a renamed copy serves read-only
        # readers as well. The mark beside the copies says that the file is the pipeline's.
        shutil.copy(copy, aside)
        (_copies(snapshot) / "published-without-link").touch()
    aside.replace(snapshot)


def _is_ours(snapshot: Path) -> bool:
    copies = _copies(snapshot)
    return snapshot.is_symlink() or (copies / "published-without-link").exists()


def _copies(snapshot: Path) -> Path:
    return snapshot.with_name(f".{snapshot.name}.copies")
