"""Versions of DuckDB: older ones open what is published, and a newer one's file is converted."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, Project, Serve, meeting

NEWER = "duckdb>=2"
PASSED = ("UV_", "PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy")
"""How this machine reaches the package index."""


def reaching_the_index() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k == "HOME" or k.startswith(PASSED)}


def other_duckdb(wanted: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script with another DuckDB, in an environment of its own."""
    command = ["uv", "run", "--quiet", "--isolated", "--no-project", "--python", sys.executable]
    return subprocess.run(
        [*command, "--with", wanted, "python", "-c", script, *arguments],
        env={"PATH": os.environ["PATH"], **reaching_the_index()},
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def obtainable(wanted: str) -> bool:
    return bool(shutil.which("uv")) and other_duckdb(wanted, "import duckdb").returncode == 0


def need(wanted: str) -> None:
    if not obtainable(wanted):
        pytest.skip(f"{wanted} cannot be fetched here (uv, and a package index that has it)")


@pytest.mark.parametrize("version", ["1.1.3", "1.4.4", "1.5.5"])
def test_the_published_file_opens_in_older_versions_of_duckdb(
    project: Project, serve: Serve, version: str
) -> None:
    need(f"duckdb=={version}")
    serve([meeting("m1"), meeting("m2")])
    project.run()
    done = other_duckdb(
        f"duckdb=={version}",
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        "print(duckdb.__version__, c.execute('select count(*) from bookings.meetings').fetchall(),"
        " c.execute('select count(*) from drift.meeting_versions').fetchall())",
        str(project.folder / "warehouse.duckdb"),
    )
    assert done.stdout == f"{version} [(2,)] [(2,)]\n", done.stderr


def left_by_newer_duckdb(project: Project) -> Path:
    """Turns the pipeline's file into what the project left when it ran on DuckDB 2.

    The last of it still lies in the log beside the file, as where a run was killed.
    """
    file = project.folder / ".dlt" / ".var" / "pipeline.duckdb"
    older = file.rename(file.with_name("older.duckdb"))
    script = (
        "import duckdb, os, sys; c = duckdb.connect();"
        "c.execute(f\"attach '{sys.argv[1]}' as older; attach '{sys.argv[2]}' as newer;"
        " copy from database older to newer; detach older; checkpoint newer;"
        " pragma disable_checkpoint_on_shutdown;"
        " insert into newer.drift.unlisted_meetings (slug, sync_id)"
        " values ('last', 's')\"); os._exit(0)"
    )
    done = other_duckdb(NEWER, script, str(older), str(file))
    assert done.returncode == 0, done.stderr
    older.unlink()
    assert Path(f"{file}.wal").stat().st_size
    with pytest.raises(duckdb.IOException, match="newer version of DuckDB"):
        duckdb.connect(str(file), read_only=True)
    return file


def test_a_file_of_a_newer_duckdb_is_made_anew_and_nothing_is_lost(
    project: Project, serve: Serve
) -> None:
    need(NEWER)
    serve([meeting(f"m{n}") for n in range(50)])
    project.run()
    before = project.tables()
    file = left_by_newer_duckdb(project)
    project.environment |= reaching_the_index()
    done = project.run()
    (said,) = [line for line in done.stderr.splitlines() if "newer DuckDB" in line]
    assert "pipeline.duckdb was in the format of a newer DuckDB: made anew with all of its" in said
    assert "the old file is kept as pipeline.duckdb.newer-1" in said
    assert file.with_name("pipeline.duckdb.newer-1").exists()
    after = project.tables()
    last = after["drift.unlisted_meetings"]
    assert [row[0] for row in last] == ["last"]  # what only the log held
    assert after | {"drift.unlisted_meetings": before["drift.unlisted_meetings"]} == before
    assert "newer DuckDB" not in project.run().stderr


def test_a_file_that_cannot_be_converted_here_is_left_alone_and_the_command_works(
    project: Project, serve: Serve
) -> None:
    need(NEWER)
    serve([meeting("m1")])
    project.run()
    before = project.tables()
    file = left_by_newer_duckdb(project)
    held = file.read_bytes()
    # Nothing that could fetch the newer DuckDB leads anywhere.
    nowhere = {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/x"}
    project.environment |= nowhere
    done = project.run(code=1)
    sentence = done.stderr.splitlines()[-1]
    assert "Nothing is lost: convert it with uv run" in sentence
    assert file.read_bytes() == held
    command = sentence.partition("convert it with ")[2]
    subprocess.run(
        ["sh", "-c", command],
        env={"PATH": os.environ["PATH"], **reaching_the_index()},
        cwd="/",
        check=True,
        capture_output=True,
    )
    project.run()
    assert project.tables()["bookings.meetings"] == before["bookings.meetings"]


def test_a_published_copy_of_a_newer_duckdb_waits_for_the_next_run(
    project: Project, serve: Serve
) -> None:
    need(NEWER)
    serve([meeting("m1")])
    project.run()
    copy = (project.folder / "warehouse.duckdb").resolve()
    copy.unlink()
    made = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table t as select 1')"
    assert other_duckdb(NEWER, made, str(copy)).returncode == 0
    assert project.run("--status", code=1).stderr.splitlines() == [
        "warehouse.duckdb was published by a newer DuckDB: the next run publishes it anew."
    ]
    project.run()
    assert project.query("select count(*) from bookings.meetings") == [(1,)]


def test_the_converting_script_needs_nothing_of_the_projects() -> None:
    text = (ROOT / "pipelines" / "warehouse" / "convert.py").read_text("utf-8")
    imported = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imported == ["import os", "import sys", "from pathlib import Path", "import duckdb"]
