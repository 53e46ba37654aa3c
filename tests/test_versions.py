"""Versions of DuckDB: older ones open what is published."""

import os
import shutil
import subprocess
import sys
from functools import cache

import pytest

from tests.conftest import Project, Serve, meeting

pytestmark = pytest.mark.process

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
