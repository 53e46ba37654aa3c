"""What is said: in a sentence, of one line, that says what to do and quotes nothing that harms."""

import errno
import logging
import os
import pwd
from pathlib import Path

import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseTerminalException

from app import console
from app.errors import explain
from drift import DriftError
from tests.conftest import Project


@pytest.fixture(autouse=True)
def no_secrets_of_the_developer_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in console.SECRETS:  # the environment wins over secrets.toml
        monkeypatch.setenv(key.upper().replace(".", "__"), "a-secret-of-these-tests")


HARMFUL = "\x1b]0;title\x07\x9b31m\u202egnp.exe\nforged line\u2066"
ESCAPED = r"\x1b]0;title\x07\x9b31m\u202egnp.exe\nforged line\u2066"


def test_control_and_direction_characters_are_escaped_wherever_they_are_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("meetings", "drift", "warehouse"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    console.start(quiet=False)
    logging.getLogger("drift").warning(f"Drift says {HARMFUL}")
    failure = DriftError(f"Drift says {HARMFUL}")
    sentence, code = explain(failure)
    console.say_failure(sentence, code)
    console.answer([HARMFUL, *console.table(["agent_id", "agent_name"], [(1, HARMFUL)])])
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066")
        assert text.count(ESCAPED) >= 2
        assert "\nforged" not in text
    console.say_failure(sentence, code, failure)
    trace = capsys.readouterr().err
    assert not set(trace) & set("\x1b\x07\x9b\u202e\u2066")


def test_a_long_message_is_shortened_and_says_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DRIFT__ACCESS_TOKEN", "token-that-nobody-may-see")
    words = "x" * 990 + "token-that-nobody-may-see" + "y" * 500_000
    sentence, _ = explain(DriftError(words))
    assert sentence == "x" * 990 + "***" + "y" * 7 + "…"
    assert console.cell("x" * 500_000) == "x" * 60 + "…"


@pytest.mark.parametrize("kind", ["system", "duckdb", "dlt", "own"])
def test_a_missing_right_names_the_user_the_file_and_what_to_do(tmp_path: Path, kind: str) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    file = tmp_path / "folder" / "pipeline.duckdb"
    words = f'IO Error: Cannot open file "{file}": Permission denied'
    failure: Exception = PermissionError(errno.EACCES, "Permission denied", str(file))
    if kind == "duckdb":
        failure = duckdb.IOException(words)
    if kind == "dlt":
        failure = DatabaseTerminalException(duckdb.IOException(words))
    if kind == "own":
        failure = DriftError("It cannot be read.")
        failure.__cause__ = PermissionError(errno.EACCES, "Permission denied", str(file))
    assert explain(failure) == (
        f"The user {me} may not read or write {file}: run this as the user to whom {tmp_path}"
        f" belongs, or give {me} the right with chown or chmod.",
        1,
    )


@pytest.mark.parametrize(
    ("failure", "where"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ""),
        (OSError(errno.ENOSPC, "No space left on device", "/x/f"), " that holds /x/f"),
        (
            duckdb.IOException('IO Error: Could not write file "/x/f": No space left on device'),
            " that holds /x/f",
        ),
        (
            duckdb.OutOfMemoryException(
                "Out of Memory Error: failed to offload data block of size 256.0 KiB (5.3 MiB/5.3"
                " MiB used).\nThis limit was set by the 'max_temp_directory_size' setting."
            ),
            "",
        ),
    ],
)
def test_a_full_disk_is_one_sentence(failure: Exception, where: str) -> None:
    sentence = (
        f"The disk{where} is full: nothing that analysts see has changed. Make room, and run this"
        " again."
    )
    assert explain(failure) == (sentence, 1)
    assert explain(DatabaseTerminalException(failure)) == (sentence, 1)


def test_the_system_is_quoted_without_its_numbers() -> None:
    failure = OSError(errno.EROFS, "Read-only file system", "/x/f")
    assert explain(failure) == ("The run failed: /x/f: Read-only file system", 1)


def test_a_model_that_is_not_there_or_not_published_is_said_in_a_sentence(
    project: Project,
) -> None:
    assert project.refused("--model", "bookings_by_agnt") == (
        "There is no model bookings_by_agnt; is bookings_by_agent meant?"
    )
    name = "bookings_by_agent"
    missing = f"What {name} reads is not published yet (%s): --model +{name} makes it from the raw"
    missing += " tables, with all that it needs."
    assert project.refused("--model", name) == missing % "a table is missing"
    with duckdb.connect(str(project.folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema bookings; create schema bookings_internal").fetchall()
        for table in ("bookings.booking_metrics", "bookings.agents"):
            connection.execute(f"create table {table} as select 1 as x").fetchall()
    assert project.refused("--model", name).startswith(missing.partition("%s")[0] + "Binder Error")


def test_what_a_run_needs_beside_the_source_is_named() -> None:
    missing = ModuleNotFoundError("No module named 'filelock'", name="filelock")
    assert explain(missing) == (
        "filelock is not installed: uv run --extra pipeline pipelines/meetings.py, or pip install"
        " '.[pipeline]'",
        2,
    )
