"""SIGINT and SIGTERM: one line and an exit code of their own, whatever is under way."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import process
from app.errors import explain
from app.last_run import read_record, recorded
from tests.conftest import Project, Serve, meeting, zygote

LINE = "Interrupted: nothing is lost, the next run goes on from here."

AT_AN_IMPORT = """
import os, runpy, sys
sys.argv, number, name = sys.argv[3:], int(sys.argv[1]), int(sys.argv[2])
begun = 0
def count(event, what):
    global begun
    if event == "import" and (begun or what[0] == "argparse"):
        begun += 1
        if begun == number:
            os.kill(os.getpid(), name)
for module in ("argparse", "threading"):
    sys.modules.pop(module, None)
sys.addaudithook(count)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("number", [1, 8, 30, 300, 900])
def test_a_signal_amid_the_imports_is_one_line(project: Project, number: int) -> None:
    script = project.command("--demo")[1:]
    sent = (signal.SIGINT, signal.SIGTERM)[number % 2]
    done = subprocess.run(
        [sys.executable, "-c", AT_AN_IMPORT, str(number), str(int(sent)), *script],
        env=project.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (128 + sent, "")
    assert done.stderr.splitlines() == [LINE]


def test_a_signal_at_any_moment_of_a_run_is_one_line_and_no_alarm(
    project: Project, serve: Serve
) -> None:
    serve([meeting(f"m{n}") for n in range(50)])
    project.environment["RUNTIME__SLACK_INCOMING_HOOK"] = "http://127.0.0.1:9/slack"
    record = project.folder / ".dlt" / ".var" / "last_run.json"
    for number, moment in enumerate([20, 150, 300, 500, 700]):  # of some 900 events
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
            (tell,) = process._at_signal
            waiting = threading.Thread(target=tell, args=(143,))
            waiting.start()
            waiting.join()
            raise RuntimeError  # such as a line that was closed

    ending = threading.Thread(target=run, daemon=True)  # it waits for the end of the process
    ending.start()
    ending.join(0.5)
    process._at_signal.clear()
    record = read_record(path)
    assert record
    assert record["exit_code"] == 143


def test_a_ctrl_c_that_dlt_has_wrapped_is_no_failure() -> None:  # where no signals can be awaited
    failure = RuntimeError("PipelineStepFailed")
    failure.__cause__ = KeyboardInterrupt()
    assert explain(failure) == (LINE, 130)
