"""SIGINT and SIGTERM: one line and an exit code of their own, whatever is under way."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app import process
from app.errors import explain
from app.last_run import read_record, recorded
from tests.conftest import ROOT, Project, Serve, meeting, wait_until, zygote

LINE = "Interrupted: nothing is lost, the next run goes on from here."


@pytest.mark.process
def test_a_signal_at_any_moment_of_a_run_is_one_line_and_no_alarm(
    project: Project, serve: Serve
) -> None:
    serve([meeting(f"m{n}") for n in range(50)])
    project.environment["RUNTIME__SLACK_INCOMING_HOOK"] = "http://127.0.0.1:9/slack"
    record = project.folder / ".dlt" / ".var" / "last_run.json"
    for number, moment in enumerate([20, 150, 300, 450]):  # of some 700 events
        sent = (signal.SIGINT, signal.SIGTERM)[number % 2]
        done = zygote().run(project, counts=True, kill_at=moment, signal=sent)
        assert done.events >= moment
        said = [line for line in done.stderr.splitlines() if line[:2] != "20"]  # no progress
        assert (done.returncode, said) == (128 + sent, [LINE]), done.stderr
        if record.exists():
            assert json.loads(record.read_text())["exit_code"] == 128 + sent
    assert "interrupted" in project.run("--status", code=4).stdout
    project.run()
    assert project.query("select count(*) from bookings.meetings") == [(50,)]


def test_what_fails_while_a_signal_ends_the_process_does_not_replace_the_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "last_run.json"

    def run() -> None:
        with recorded(path):
            (interrupt,) = process._at_signal
            waiting = threading.Thread(target=interrupt, args=(143,))
            waiting.start()
            waiting.join()
            raise RuntimeError  # such as a line that was closed

    ending = threading.Thread(target=run, daemon=True)  # it waits for the end of the process
    ending.start()
    wait_until(lambda: read_record(path).get("exit_code") == 143)
    ending.join(0.1)  # of what fails after that, nothing is said
    process._at_signal.clear()
    assert read_record(path)["exit_code"] == 143


def test_a_run_that_begins_while_the_process_ends_leaves_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_is_ending", threading.Event())
    process._is_ending.set()

    def run() -> None:
        with recorded(tmp_path / "last_run.json"):
            pass

    threading.Thread(target=run, daemon=True).start()  # it waits for the end of the process
    wait_until(lambda: process._at_signal)
    time.sleep(0.1)
    process._at_signal.clear()
    assert list(tmp_path.iterdir()) == []


REDIRECTED = """
import contextlib, io, os, signal, time
from app import process
process.heed_signals()
from app import console
console.start(quiet=False)
with contextlib.redirect_stderr(io.StringIO()):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
"""


def test_the_line_is_said_while_dlt_has_stderr_redirected() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REDIRECTED],
        cwd=ROOT / "pipelines",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (143, f"{LINE}\n")


def test_a_ctrl_c_that_dlt_has_wrapped_is_no_failure() -> None:  # where no signals can be awaited
    failure = RuntimeError("PipelineStepFailed")
    failure.__cause__ = KeyboardInterrupt()
    assert explain(failure) == (LINE, 130)
