"""What the machine gives: paths, users, file modes, and outputs that nobody reads."""

import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Project, Serve, meeting
from warehouse.copies import check_snapshot, next_copy
from warehouse.destination import ROW_GROUP, demo_warehouse, limit
from warehouse.errors import SettingError
from warehouse.reading import open_snapshot


def test_a_run_works_below_a_folder_of_an_odd_name(tmp_path: Path) -> None:
    folder = tmp_path / 'b\\ack #1 & {x}; $HOME ü [*"'
    folder.mkdir()
    pipeline = demo_warehouse(folder / "pipeline.duckdb").open(folder / "pipelines")
    pipeline.run([{"id": 1}, {"id": 2}], table_name="things", loader_file_format="parquet")
    with next_copy(folder / "pipeline.duckdb", folder / "published.duckdb", kept=3, mode=0o600):
        pass
    with open_snapshot(folder / "published.duckdb") as query:
        rows = query("select id from drift.things order by id")
    assert [row["id"] for row in rows] == [1, 2]


@pytest.mark.parametrize(("rows", "threads"), [(0, 1), (ROW_GROUP - 1, 1), (ROW_GROUP + 1, 2)])
def test_duckdb_gets_no_more_threads_than_it_has_row_groups(rows: int, threads: int) -> None:
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"create table stored as from range({rows})").fetchall()
        limit(connection, "300MB")
        found = connection.execute("select current_setting('threads')").fetchone()
    assert found == (threads,)


@pytest.mark.parametrize("mark", "%?='")
def test_a_folder_in_which_dlt_or_duckdb_cannot_write_is_refused(tmp_path: Path, mark: str) -> None:
    folder = tmp_path / f"odd{mark}name"
    with pytest.raises(SettingError, match=r"cannot lie below a folder with . in its name"):
        demo_warehouse(folder / "pipeline.duckdb").open(folder / "pipelines")


def test_a_copy_in_a_path_in_which_duckdb_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"bookings.snapshot has a \? in it"):
        check_snapshot(tmp_path / "a?b.duckdb", tmp_path / "pipeline.duckdb")


def modes(project: Project) -> set[str]:
    """The modes of all that a run has written, links aside."""
    folders = (project.folder / ".dlt" / ".var", project.folder / ".warehouse.duckdb.copies")
    found = [path for top in folders for path in (top, *top.rglob("*"))]
    return {oct(path.stat().st_mode & 0o777) for path in found if not path.is_symlink()}


@pytest.mark.process
def test_what_a_run_writes_is_its_users_alone_and_nobody_need_listen(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1", meetingSource="\u30a6\u30a3\u30b8\u30a7\u30c3\u30c8")])
    project.environment["BOOKINGS__REPORT"] = "bookings.html"
    command = " ".join(f"'{part}'" for part in project.command())
    shell = f"set -o pipefail; {command} 2>&1 | head -c 0"
    done = subprocess.run(
        ["bash", "-c", shell], env=project.environ(), capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
    subprocess.run(
        ["bash", "-c", f"{command} --status >&- 2>&-"], env=project.environ(), check=True
    )
    said = subprocess.run(
        project.command(),
        env=project.environ(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=True,
    )
    assert b"Traceback" not in said.stderr
    assert rb"\u30a6\u30a3" in said.stdout
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


READ_ONLY = """
import os, runpy, sys
folder, sys.argv = sys.argv[1], sys.argv[2:]
var = os.path.join(folder, ".dlt", ".var")
WRITING = {"os.mkdir", "os.rename", "os.remove", "os.chmod", "os.utime", "os.link", "os.symlink"}
def refuse(event, given):
    path = str(given[0]) if given else ""
    writes = event == "open" and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    reads = event == "open" and path.startswith(var)
    if reads or ((writes or event in WRITING) and path.startswith(folder)):
        raise PermissionError(13, "Permission denied", path)
sys.addaudithook(refuse)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program that may write nothing in a folder, nor read what only its owner may."""


@pytest.mark.process
def test_the_status_is_told_to_whoever_may_write_nothing(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run(BOOKINGS__SNAPSHOT_MODE="0644")
    var, away = project.folder / ".dlt" / ".var", project.home / "away"
    for has_run, is_open in ((True, False), (True, True), (False, False)):
        if not has_run:
            shutil.move(var, away)
        analyst = duckdb.connect(str(project.folder / "warehouse.duckdb"), read_only=not is_open)
        python, *script = project.command("--status")
        done = subprocess.run(
            [python, "-B", "-c", READ_ONLY, str(project.folder), *script],
            env=project.environ(HOME="/nonexistent"),
            capture_output=True,
            text=True,
            check=False,
        )
        analyst.close()
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("state      fresh: ")
