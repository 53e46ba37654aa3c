"""What the machine gives: paths, users, file modes, and outputs that nobody reads."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project, Serve, meeting
from tests.test_workarounds import things
from warehouse.destination import open_demo
from warehouse.errors import SettingError
from warehouse.reading import open_snapshot
from warehouse.snapshot import publish


def test_a_run_works_below_a_folder_of_an_odd_name(tmp_path: Path) -> None:
    folder = tmp_path / "b\\ack #1 & {x}; $HOME ü"
    folder.mkdir()
    pipeline = open_demo(folder / "pipeline.duckdb", folder / "pipelines")
    pipeline.run(things(), loader_file_format="parquet")
    publish(folder / "pipeline.duckdb", folder / "published.duckdb")
    with open_snapshot(folder / "published.duckdb") as query:
        rows = query("select id from drift.things order by id")
    assert [row["id"] for row in rows] == [1, 2]


@pytest.mark.parametrize("mark", "%?*['=\"")
def test_a_folder_in_which_dlt_or_duckdb_cannot_write_is_refused(tmp_path: Path, mark: str) -> None:
    folder = tmp_path / f"odd{mark}name"
    with pytest.raises(SettingError, match=r"cannot lie below a folder with . in its name"):
        open_demo(folder / "pipeline.duckdb", folder / "pipelines")


def modes(project: Project) -> set[str]:
    """The modes of all that a run has written, links aside."""
    folders = (project.folder / ".dlt" / ".var", project.folder / ".warehouse.duckdb.copies")
    found = [path for top in folders for path in (top, *top.rglob("*"))]
    return {oct(path.stat().st_mode & 0o777) for path in found if not path.is_symlink()}


def test_what_a_run_writes_is_its_users_alone_and_its_outputs_may_be_closed(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1", meetingSource="\u30a6\u30a3\u30b8\u30a7\u30c3\u30c8")])
    project.environment["BOOKINGS__REPORT"] = "bookings.html"
    (project.folder / ".dlt" / ".var").mkdir(mode=0o755)
    command = " ".join(f"'{part}'" for part in project.command())
    for closed in (">&- 2>&- <&-", "2>&1 | head -c 0"):
        shell = f"set -o pipefail; {command} {closed}"
        done = subprocess.run(
            ["bash", "-c", shell], env=project.environ(), capture_output=True, text=True, check=True
        )
        assert done.stdout + done.stderr == ""
    assert project.query("select count(*) from drift.syncs") == [(2,)]
    told = subprocess.run(
        project.command(),
        env=project.environ(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=True,
    )
    assert b"Traceback" not in told.stderr
    assert rb"\u30a6\u30a3" in told.stdout
    assert modes(project) == {"0o600", "0o700"}
    report = project.folder / "bookings.html"
    assert oct(report.stat().st_mode & 0o777) == "0o600"

    project.run(BOOKINGS__SNAPSHOT_MODE="0640", BOOKINGS__REPORT="")
    copy = (project.folder / "warehouse.duckdb").resolve()
    assert [oct(path.stat().st_mode & 0o777) for path in (copy, copy.parent, copy.parents[1])] == [
        "0o640",
        "0o750",
        "0o750",
    ]
    refused = project.run(code=2, BOOKINGS__SNAPSHOT_MODE="rw-r-----")
    assert refused.stderr.startswith("bookings.snapshot_mode must be a file's mode, such as 0600")


def test_the_status_is_told_to_whoever_may_write_nothing(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run(BOOKINGS__SNAPSHOT_MODE="0644")
    var, away = project.folder / ".dlt" / ".var", project.home / "away"
    nobody = 65_534 if os.getuid() == 0 else None
    for path in project.folder.rglob("*"):
        if path.name != ".var" and not path.is_symlink() and var not in path.parents:
            path.chmod(path.stat().st_mode & ~0o222 | 0o044)
    for above in (project.folder, *project.folder.parents):
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    for has_run in (True, False):
        if not has_run:
            shutil.move(var, away)
        done = subprocess.run(
            project.command("--status"),
            env=project.environ(HOME="/nonexistent"),
            capture_output=True,
            text=True,
            check=False,
            user=nobody,
            group=nobody,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("state      fresh: ")
