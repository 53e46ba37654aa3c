"""dlt's own tools work on the project: attach, datasets, the command line, traces."""

import json
import os
import pickle
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import dlt
import pytest
from dlt.pipeline import trace as dlt_trace

from app import traces
from tests.conftest import ROOT, Project, Serve, meeting

pytestmark = pytest.mark.process

PIPELINES = ".dlt/.var/pipelines"
TOKEN, KEY, HOOK = "token-of-nobody", "key-of-nobody", "http://127.0.0.1:9/hook-of-nobody"
SECRETS = (TOKEN, KEY, "hook-of-nobody")
PEOPLE = ("ada@example.com", "Ada Example", "Her note.", "Planted attribute")


def dlt_command(project: Project, *arguments: str) -> str:
    """What `dlt pipeline` says, in the project's folder, as the documentation has it."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dlt")), "pipeline", *arguments],
        env=project.environ(),
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def in_python(project: Project, script: str) -> str:
    """What a script prints that runs in the project's folder."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=project.environ(PYTHONPATH="pipelines"),
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dlts_command_line_knows_the_pipeline(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    at = ("--pipelines-dir", PIPELINES, "drift_bookings")
    info = dlt_command(project, *at, "info")
    assert "destination_name: warehouse" in info
    assert "default_schema_name: drift" in info
    schema = dlt_command(project, *at, "schema")
    assert "The meeting's id." in schema
    trace = dlt_command(project, *at, "trace")
    assert re.findall(r"Step (\w+) COMPLETED", trace) == ["extract", "normalize", "load", "run"]
    assert "No failed jobs found" in dlt_command(project, *at, "failed-jobs")


def test_what_is_attached_reads_the_published_copy_raw_and_models(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1"), meeting("m2", meetingSource="LINK")])
    project.run()
    published = str(project.folder / "warehouse.duckdb")
    said = in_python(
        project,
        f"""
import dlt, json
from warehouse.attached import bookings
pipeline = dlt.attach("drift_bookings", pipelines_dir="{PIPELINES}")
raw, models = pipeline.dataset(), bookings(pipeline)
print(json.dumps([
    str(pipeline.destination_client().config.credentials),
    raw["meeting_versions"].select("slug").arrow()["slug"].to_pylist(),
    models["bookings_by_source"].select("meeting_source", "bookings").fetchall(),
    models("select count(*) as n from meetings where meeting_source = 'LINK'").fetchall(),
    dict(models.row_counts().fetchall())["meetings"],
    models["meetings"].columns_schema["slot_start_at"]["data_type"],
]))
""",
    )
    place, slugs, sources, links, rows, kind = json.loads(said)
    assert place == f"duckdb:///{published}"
    assert sorted(slugs) == ["m1", "m2"]
    assert sorted(sources) == [["LINK", 1], ["WIDGET", 1]]
    assert (links, rows, kind) == ([[1]], 2, "timestamp")


@pytest.mark.parametrize("mode", ["keep", "hash", "drop"])
def test_a_trace_holds_no_secret_and_no_more_of_people_than_the_tables(
    project: Project, serve: Serve, mode: str
) -> None:
    serve(
        [meeting("m1", meetingNotes="Her note.", customField="Planted attribute")],
        token=TOKEN,
    )
    project.environment |= {
        "SOURCES__DRIFT__PERSONAL_DATA": mode,
        "SOURCES__DRIFT__PERSONAL_DATA_KEY": KEY,
        "RUNTIME__SLACK_INCOMING_HOOK": HOOK,
    }
    project.run()
    (pickled,) = project.folder.rglob("trace.pickle")
    trace = pickle.loads(pickled.read_bytes())
    assert [step.step for step in trace.steps] == ["extract", "normalize", "load", "run"]
    asked = {value.key: value.value for value in trace.resolved_config_values}
    assert asked["access_token"] is None
    for path in project.folder.rglob("*"):
        if path.is_file() and path.suffix != ".py":
            held = path.read_bytes()
            assert [secret for secret in SECRETS if secret.encode() in held] == [], path
    held = pickled.read_bytes()
    assert [person for person in PEOPLE if person.encode() in held] == []


@contextmanager
def without_words() -> Iterator[None]:
    before = list(dlt_trace.TRACKING_MODULES)
    traces.start()
    traces.start()
    assert len(dlt_trace.TRACKING_MODULES) == len(before) + 1
    try:
        yield
    finally:
        dlt_trace.TRACKING_MODULES[:] = before


def test_a_failure_is_traced_without_its_words(tmp_path: Path) -> None:
    @dlt.resource
    def failing() -> Iterator[dict[str, str]]:
        yield {"slug": "m1"}
        raise ValueError(f"{' '.join(PEOPLE)} {TOKEN} {KEY} {HOOK}")

    pipeline = dlt.pipeline(
        "failing", destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")),
        pipelines_dir=str(tmp_path),
    )  # fmt: skip
    with without_words(), pytest.raises(Exception, match="Ada Example"):
        pipeline.run(failing())
    held = (tmp_path / "failing" / "trace.pickle").read_bytes()
    assert [words for words in (*SECRETS, *PEOPLE) if words.encode() in held] == []
    trace = pipeline.last_trace
    assert trace is not None
    cause = trace.steps[0].exception_traces[-1]
    assert cause["exception_type"].endswith("ValueError")
    assert any("in failing" in line for line in cause["stack_trace"])


def test_progress_and_log_are_those_of_dlt(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    done = project.run(PROGRESS="log", RUNTIME__LOG_LEVEL="INFO")
    assert re.search(r"-+ Extract drift -+\nResources: ", done.stdout)
    assert "all checks passed" in done.stdout
    assert re.search(r"\|\[INFO\]\|.*\|dlt\|\w+\.py\|", done.stderr)
    silent = project.run(RUNTIME__LOG_LEVEL="WARNING")
    assert "Extract drift" not in silent.stdout
    assert "|dlt|" not in silent.stderr
    if find_spec("tqdm"):
        assert "Load drift in" in project.run(PROGRESS="tqdm").stderr


def test_progress_that_dlt_cannot_show_is_said_in_a_sentence(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m1")])
    assert project.run(code=2, PROGRESS="bar").stderr.splitlines() == [
        "progress must be one of log, tqdm, enlighten, alive_progress, not 'bar'."
    ]
    if not find_spec("enlighten"):
        (said,) = project.run(code=2, PROGRESS="enlighten").stderr.splitlines()
        assert said.endswith("or pip install 'enlighten'")
    assert server.requests == []


def page(url: str) -> str:
    """A page of a server that says its address shortly before it answers there."""
    for _ in range(120):
        with suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
            return str(answer.read().decode())
        time.sleep(0.5)
    raise TimeoutError(url)


@pytest.mark.skipif(not find_spec("marimo"), reason="needs the extra `dashboard`")
def test_the_dashboard_opens(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    beside = str(Path(sys.executable).parent)
    command = [f"{beside}/dlt", "pipeline", "--pipelines-dir", PIPELINES, "drift_bookings", "show"]
    with subprocess.Popen(
        command,
        env=project.environ(PATH=f"{beside}:{os.environ['PATH']}"),
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it complains when it is stopped
        text=True,
        start_new_session=True,
    ) as shown:
        assert shown.stdout
        try:
            (url,) = next(
                found for line in shown.stdout if (found := re.findall(r"http://\S+", line))
            )
            assert "<title>dlt workspace dashboard</title>" in page(url)
        finally:
            os.killpg(shown.pid, 15)


def test_the_documentation_names_each_of_the_commands() -> None:
    text = (ROOT / "docs" / "dlt.md").read_text("utf-8")
    for command in ("info", "schema", "trace", "failed-jobs", "show"):
        assert f"dlt pipeline --pipelines-dir {PIPELINES} drift_bookings {command}" in text
