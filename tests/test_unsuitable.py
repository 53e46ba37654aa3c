"""Destinations that cannot serve say so in one sentence, at once, and before anything is read."""

import os
import subprocess
import sys

import pytest

from tests.conftest import Project, Serve, meeting

TYPE = "destination.warehouse.destination_type is "
CREDENTIALS = (
    "destination.warehouse.credentials is missing: set DESTINATION__WAREHOUSE__CREDENTIALS in the "
    "environment, or the same in .dlt/secrets.toml."
)


@pytest.mark.parametrize(
    ("kind", "credentials", "sentence"),
    [
        (
            "filesystem",
            "",
            f"{TYPE}'filesystem', which cannot serve: files are not merged into, and the models "
            "need a database; DuckLake is one in files (destination_type ducklake).",
        ),
        (
            "sqlalchemy",
            "sqlite:///warehouse.sqlite",
            f"{TYPE}'sqlalchemy', which cannot serve: dlt's client for it hides what the run lease "
            "needs; a database that dlt knows by itself has a type of its own, such as postgres.",
        ),
        (
            "weaviate",
            "",
            f"{TYPE}'weaviate', which cannot serve: the models need a database that speaks SQL.",
        ),
        (
            "mssql",
            "mssql://loader:loader@localhost/warehouse",
            f"{TYPE}'mssql', which cannot serve: the models are not written for tsql.",
        ),
        ("postgre", "", f"{TYPE}'postgre', which dlt does not know; is postgres meant?"),
        (
            "papyrus",
            "",
            f"{TYPE}'papyrus', which dlt does not know; it knows duckdb, postgres, bigquery and "
            "others.",
        ),
        (
            "snowflake",
            "snowflake://loader:loader@account/warehouse",
            "The destination snowflake needs what is not installed (snowflake): "
            "uv run --with 'dlt[snowflake]' pipelines/meetings.py, or pip install 'dlt[snowflake]'",
        ),
        ("postgres", "", CREDENTIALS),
        ("bigquery", "", CREDENTIALS),
        ("motherduck", "", CREDENTIALS),
        (
            "duckdb",
            "postgresql://loader:loader@localhost:5432/warehouse",
            "destination.warehouse.credentials is a server's address, and no DuckDB file: set"
            " destination.warehouse.destination_type as well, such as postgres.",
        ),
        (
            "postgres",
            "postgresql://loader@localhost:5432/warehouse",
            "destination.warehouse.credentials.password is missing: set "
            "DESTINATION__WAREHOUSE__CREDENTIALS__PASSWORD in the environment, or the same in "
            ".dlt/secrets.toml.",
        ),
        (
            "postgres",
            "a-secret-of-another-form",
            "destination.warehouse.credentials (DESTINATION__WAREHOUSE__CREDENTIALS) is no value "
            "that dlt reads as PostgresCredentials.",
        ),
    ],
)
def test_a_destination_that_cannot_serve_says_why_before_anything_is_read(
    project: Project, kind: str, credentials: str, sentence: str
) -> None:
    project.environment["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = kind
    if credentials:
        project.environment["DESTINATION__WAREHOUSE__CREDENTIALS"] = credentials
    assert project.refused(SOURCES__DRIFT__ACCESS_TOKEN="token") == sentence
    assert not (project.folder / "warehouse.duckdb").exists()


@pytest.mark.process
def test_a_missing_extra_of_the_projects_own_is_named(project: Project, serve: Serve) -> None:
    """Where a module of the extra cannot be imported: its name leads to a file that cannot be."""
    server = serve([meeting("m1")])
    hidden = project.home / "adbc_driver_postgresql.py"
    hidden.write_text("raise ModuleNotFoundError(name='adbc_driver_postgresql')")
    done = subprocess.run(
        project.command(),
        env=project.environ(
            PYTHONPATH=str(project.home),
            DESTINATION__WAREHOUSE__DESTINATION_TYPE="postgres",
            DESTINATION__WAREHOUSE__CREDENTIALS="postgresql://loader:loader@localhost/warehouse",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "The destination postgres needs what is not installed (adbc_driver_postgresql): "
        "uv run --extra postgres pipelines/meetings.py, or pip install '.[postgres]'\n"
    )
    assert server.requests == []


def processor_seconds(command: list[str], environment: dict[str, str]) -> tuple[int, float]:
    """How a process ends, and what it takes, however busy the machine is besides."""
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


@pytest.mark.process
@pytest.mark.process
def test_it_takes_little_longer_than_dlt_takes_to_be_imported(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1")])
    environment = project.environ(DESTINATION__WAREHOUSE__DESTINATION_TYPE="filesystem")
    code, seconds = processor_seconds(project.command(), environment)
    assert code == 2
    _, least = processor_seconds([sys.executable, "-c", "import dlt"], environment)
    assert seconds < 2.5 * least
