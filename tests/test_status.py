"""What a monitor and an operator are told, and when."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.alarms import Alarms, send
from app.last_run import read_record, recorded
from app.options import parse
from app.status import Status, as_prometheus, as_text, find_status
from drift import DriftError
from tests.conftest import NOW, Project, Serve, meeting, wait_until
from tests.hostile import Fault
from warehouse.destination import demo_warehouse
from warehouse.reading import open_snapshot, open_tables

KEYS = [
    "state",
    "checked_at",
    "newest_sync_at",
    "data_age_hours",
    "stale_after_hours",
    "gap_opens_at",
    "days_until_gap",
    "open_gaps",
    "gaps",
    "meetings",
    "rejected",
    "run_under_way",
    "last_run",
    "trouble",
]

HEALTH = ("open_gaps", "meetings", "rejected")
"""What `bookings.data_health` has, by the same names."""


def status_of(project: Project, code: int, **extra: str) -> dict[str, Any]:
    done = project.run("--status", "--json", code=code, **extra)
    status: dict[str, Any] = json.loads(done.stdout)
    assert list(status) == KEYS
    return status


def test_the_state_follows_the_runs_from_the_first_one_on(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    assert status_of(project, 4)["state"] == "never"
    server = serve([meeting("m1"), b'{"slug": 5}'], serves_unscheduled=True)
    project.run()
    began = project.query("select started_at from drift.syncs")[0][0]
    del project.environment["SOURCES__DRIFT__ACCESS_TOKEN"]
    fresh = status_of(project, 0)
    assert fresh["state"] == "fresh"
    assert datetime.fromisoformat(fresh["newest_sync_at"]) == began
    assert datetime.fromisoformat(fresh["gap_opens_at"]) == began + timedelta(days=30)
    assert 0 < fresh["data_age_hours"] < 0.1
    assert (fresh["meetings"], fresh["rejected"], fresh["gaps"]) == (1, 1, [])
    assert [fresh[name] for name in HEALTH] == list(
        project.query(f"select {', '.join(HEALTH)} from bookings.data_health")[0]
    )
    assert (fresh["last_run"]["outcome"], fresh["last_run"]["exit_code"]) == ("done", 0)
    assert fresh["trouble"] is None

    project.environment["SOURCES__DRIFT__ACCESS_TOKEN"] = server.token
    server.faults = lambda *_: Fault("server_error", status=503)
    said = project.run(code=1).stderr.splitlines()[-1]
    shown = project.run("--status", code=4, BOOKINGS__STALE_AFTER_HOURS="0").stdout.splitlines()
    assert shown[0].startswith("state      stale: the newest read began ")
    assert shown[1].startswith("last run   failed, begun ")
    assert shown[2].strip() == said
    assert shown[3].startswith("gap        opens in 30.0 days")
    assert shown[4:] == ["meetings   1 known, 1 records rejected"]

    own = project.folder / ".dlt/.var/pipeline.duckdb"
    body = own.read_bytes()
    for torn, wrong in ((b"torn", "could not be read"), (None, "was gone")):
        own.unlink()
        if torn:
            own.write_bytes(torn)
        state = status_of(project, 0)
        assert state["state"] == "fresh"
        assert state["trouble"].startswith(f"{own} {wrong}")
    shown = project.run("--status").stdout.splitlines()
    assert f"trouble    {own} was gone: the next run restores it from what is published" in shown
    own.write_bytes(body)

    copy = shutil.copy(project.folder / "warehouse.duckdb", tmp_path / "pipeline.duckdb")
    pipeline = demo_warehouse(Path(copy)).open(tmp_path / "pipelines")
    query = "select newest_sync_at, meetings from bookings.data_health where meetings > 0"
    with (  # as on other destinations
        open_tables(pipeline.sql_client()) as ask,
        open_snapshot(project.folder / "warehouse.duckdb") as ask_snapshot,
    ):
        assert ask(query) == ask_snapshot(query)
        assert ask(query)[0]["newest_sync_at"].tzinfo is UTC
        assert ask("select x from bookings.not_there") == []
        assert ask_snapshot("select x from bookings.not_there") == []


@pytest.mark.process
def test_the_state_is_told_while_a_run_and_an_analyst_have_the_files(
    project: Project, serve: Serve
) -> None:
    released = threading.Event()
    released.set()
    records = [meeting("m1")]
    server = serve(lambda: records if released.wait(120) else [])
    project.run()
    released.clear()
    before = len(server.requests)
    run = subprocess.Popen(project.command(), env=project.environ(), stderr=subprocess.DEVNULL)
    with duckdb.connect(str(project.folder / "warehouse.duckdb")):  # for writing
        wait_until(lambda: len(server.requests) > before or run.poll() is not None)
        status = status_of(project, 0)
    assert (status["state"], status["meetings"], status["run_under_way"]) == ("fresh", 1, True)
    assert status["last_run"]["outcome"] == "under way"
    assert run.poll() is None
    run.kill()
    run.wait()
    released.set()
    killed = status_of(project, 0)
    assert (killed["run_under_way"], killed["last_run"]["outcome"]) == (False, "cut short")


def status_at(
    now: datetime,
    record: Mapping[str, Any] = {},
    gaps: Sequence[Mapping[str, datetime] | None] = (None, None),
) -> Status:
    """The status of a warehouse of two syncs, the newest at `NOW`, with the gap that each left."""
    health = {"newest_sync_id": "s2", "newest_sync_at": NOW, "meetings": 7, "rejected": 2}
    none = {"gap_from": None, "gap_to": None}
    syncs = [{"sync_id": f"s{n + 1}", **(gap or none)} for n, gap in enumerate(gaps)]
    return find_status(
        lambda query: [health] if "data_health" in query else syncs,
        record,
        run_under_way=False,
        stale_after_hours=24,
        now=now,
    )


@pytest.mark.parametrize(
    ("age", "state", "code"),
    [
        (timedelta(hours=24), "fresh", 0),
        (timedelta(hours=24, seconds=1), "stale", 4),
        (timedelta(days=30), "stale", 4),
        (timedelta(days=30, seconds=1), "gap", 5),
        (timedelta(hours=-1), "fresh", 0),
    ],
)
def test_a_state_begins_after_its_time(age: timedelta, state: str, code: int) -> None:
    status = status_at(NOW + age)
    assert (status.state, status.exit_code) == (state, code)
    assert status.data_age_hours == max(age.total_seconds() / 3600, 0)


def test_a_gap_alarms_until_the_next_read_and_stays_on_record() -> None:
    gap = {"gap_from": NOW - timedelta(days=40), "gap_to": NOW - timedelta(days=30)}
    states = []
    for gaps in ((None, gap), (gap, None)):  # the newest read left it; the one before did
        status = status_at(NOW, gaps=gaps)
        assert (status.open_gaps, status.gaps) == (1, [gap])
        assert any(line.startswith("gap ") for line in as_text(status))
        states.append(status.state)
    assert states == ["gap", "fresh"]


def test_prometheus_gets_the_same_by_the_same_names() -> None:
    record = {
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=90),
        "exit_code": 0,
        "message": None,
    }
    status = status_at(NOW + timedelta(hours=2), record)
    lines = as_prometheus(status)
    found = dict(re.findall(r"^drift_bookings_(\S+) (\S+)$", "\n".join(lines), flags=re.M))
    assert [name for name in found if name.startswith("state") and found[name] == "1"] == [
        'state{state="fresh"}'
    ]
    for name in ("stale_after_hours", "open_gaps", "meetings", "rejected", "run_under_way"):
        assert float(found[name]) == vars(status)[name]
    assert float(found["newest_sync_at"]) == pytest.approx(NOW.timestamp())
    assert (float(found["last_run_exit_code"]), float(found["last_run_seconds"])) == (0, 90)
    for line in lines:
        assert re.fullmatch(
            r"# TYPE drift_bookings_\w+ gauge|drift_bookings_\w+(\{state=\"\w+\"\})? -?[0-9.e+-]+",
            line,
        ), line


def test_a_run_is_on_record_from_its_begin_and_no_run_fails_for_its_record(tmp_path: Path) -> None:
    path = tmp_path / "last_run.json"
    with recorded(path):
        record = read_record(path)
        assert (record["finished_at"], record["exit_code"]) == (None, None)
    with pytest.raises(DriftError), recorded(path):
        raise DriftError("Drift is asleep.")
    record = read_record(path)
    assert (record["exit_code"], record["message"]) == (1, "Drift is asleep.")
    with recorded(tmp_path / "no such folder" / "last_run.json"):
        pass
    for torn in ("{", '{"exit_code": 0}'):
        path.write_text(torn)
        assert status_at(NOW, read_record(path)).last_run is None


class Channel(BaseHTTPRequestHandler):
    """A Slack that keeps what it is told, and answers as it is told to."""

    messages: list[dict[str, Any]] = []  # noqa: RUF012 - one server a test, which empties it
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.messages.append(json.loads(body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Channel.messages.clear()
    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/services/secret-of-the-channel"
        server.shutdown()


@pytest.mark.process
def test_slack_hears_of_a_failed_run_in_its_sentence(
    project: Project, serve: Serve, hook: str
) -> None:
    server = serve([meeting("m1")])
    server.faults = lambda *_: Fault("server_error", status=503)
    done = project.run("--verbose", code=1, RUNTIME__SLACK_INCOMING_HOOK=hook)
    (message,) = Channel.messages
    assert message["mrkdwn"] is False
    assert message["text"].startswith("drift-bookings on ")
    assert message["text"].endswith("kept answering 503: Service Unavailable.")
    assert "secret-of-the-channel" not in done.stderr


def test_slack_hears_once_of_a_failure_and_that_all_is_well(
    tmp_path: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", hook)
    record = tmp_path / "last_run.json"

    def told() -> list[str]:
        texts = [message["text"].partition(": ")[2] for message in Channel.messages]
        Channel.messages.clear()
        return texts

    def run(sentence: str | None = None) -> None:
        """A run as the command makes it, that fails or not."""
        with suppress(DriftError), recorded(record):
            if sentence:
                raise DriftError(sentence)
        Alarms(record).failed(sentence) if sentence else Alarms(record).succeeded([])

    run()
    assert told() == []
    for attempt in (8, 9):
        run(f"Drift answered 503 to try {attempt}.")
    assert told() == ["Drift answered 503 to try 8."]
    Alarms(record).failed("bookings.time_zone is no time zone.")  # another, before a run begins
    run("Drift answered 503 to try 10.")
    assert told() == ["bookings.time_zone is no time zone."]
    monkeypatch.setattr(Channel, "status", 500)
    run()
    monkeypatch.setattr(Channel, "status", 200)
    assert told() == ["All is well again: this run succeeded."]  # which Slack did not take
    for _ in range(2):
        run()
    assert told() == ["All is well again: this run succeeded."]
    run("Drift answered 503 to try 11.")  # the next episode
    assert told() == ["Drift answered 503 to try 11."]
    assert read_record(record)["message"] == "Drift answered 503 to try 11."


def test_where_other_machines_run_the_status_tells_that_the_data_are_fresh_again(
    tmp_path: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", hook)
    record = tmp_path / "last_run.json"
    said = []
    for hours in (1, 25, 26, 24 * 31, 24 * 32, 2, 3):
        Alarms(record).looked(status_at(NOW + timedelta(hours=hours)))
        said.append([message["text"].partition(": ")[2] for message in Channel.messages])
        Channel.messages.clear()
    began = "the newest read began 2026-03-02 12:00 UTC,"
    assert said == [
        [],
        [f"The data are stale: {began} 25.0 hours ago."],
        [],
        [
            "The data are stale, and what took place since is leaving Drift's reach:"
            f" {began} 744.0 hours ago."
        ],
        [],
        [f"The data are fresh again: {began} 2.0 hours ago."],
        [],
    ]
    Alarms(record).succeeded(["gap        over 30 days passed", "took       3 s"])
    assert Channel.messages[0]["text"].endswith(": over 30 days passed")


def test_what_slack_does_not_take_is_logged_without_its_hook(
    hook: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Channel, "status", 500)
    monkeypatch.setattr("app.alarms.PATIENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (
            hook,
            *(
                f"http://127.0.0.1:{port}/secret-of-the-channel"
                for port in (9, silent.getsockname()[1])
            ),
        ):
            monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address)
            assert not send("It failed: <b> & so on.")
    assert caplog.messages == [
        f"Slack did not take what it was sent: {answer}."
        for answer in ("500", "no answer", "no answer")
    ]
    assert Channel.messages[0]["text"].endswith(": It failed: &lt;b&gt; &amp; so on.")


@pytest.mark.process
def test_with_logs_as_json_every_line_on_stderr_is_json(project: Project, serve: Serve) -> None:
    server = serve([meeting("m1")])
    server.faults = lambda *_: Fault("server_error", status=503)
    done = project.run("--verbose", code=1, RUNTIME__LOG_FORMAT="JSON")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[0]["msg"] == "sync"
    assert {line["logger"] for line in lines} >= {"meetings", "dlt"}
    assert (lines[-1]["level"], lines[-1]["exit_code"]) == ("ERROR", 1)
    assert lines[-1]["msg"].endswith("kept answering 503: Service Unavailable.")
    assert "DriftError" in lines[-1]["traceback"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json",),
        ("--prometheus",),
        ("--status", "--full-refresh"),
        ("--status", "--json", "--prometheus"),
        ("--quiet", "--verbose"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, "A title.\n\nUsage.\n\nExit codes.")
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("text", ["[1]", "null", '{"started_at": 5}', '{"started_at": "'])
def test_a_record_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "last_run.json"
    path.write_text(text)
    assert read_record(path) == {}


def test_alarms_that_are_no_list_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "last_run.json"
    path.write_text('{"alarms": null}')
    Alarms(path).succeeded([])
