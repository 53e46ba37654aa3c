"""A network, a server and a disk at their worst: the tables come out as on a good day."""

import itertools
import json
import random
import resource
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fake_drift.organisation import ORG_ID
from fake_drift.people import people_of
from tests.conftest import Project, Serve, meeting, milliseconds
from tests.hostile import Fault
from tests.synthetic import synthetic_meetings
from tests.test_crash import what_should_be_equal

pytestmark = pytest.mark.long

EVERY_FAULT = [
    Fault("rate_limited"),
    Fault("rate_limited", retry_after=1),
    Fault("server_error", status=500),
    Fault("server_error", status=502, html=False),
    Fault("server_error", status=503),
    Fault("reset"),
    Fault("hang", seconds=2),
    Fault("cut_body"),
    Fault("cut_unannounced"),
    Fault("broken_json"),
    Fault("error_with_200"),
    Fault("empty_200"),
]


def test_with_three_of_ten_requests_failing_the_tables_are_those_of_a_run_without_faults(
    project: Project, serve: Serve
) -> None:
    now = datetime.now(UTC)
    soon, lately = milliseconds(now + timedelta(hours=1)), milliseconds(now - timedelta(hours=1))
    made: list[Any] = [*synthetic_meetings(6_000, "office", now)]
    # None begins or ends between the two runs.
    served = [one for one in made if one["slotStart"] > soon or one["slotEnd"] < lately]
    server = serve(
        [*served, b'{"slug": 7}'], cap=250, serves_unscheduled=True, people=people_of(served)
    )
    project.environment["SOURCES__DRIFT__CONTACTS_PER_RUN"] = "20"
    project.run()
    expected = what_should_be_equal(project)
    for name in (".warehouse.duckdb.copies", ".dlt/.var"):
        shutil.rmtree(project.folder / name)
    (project.folder / "warehouse.duckdb").unlink()
    project.environment |= {
        "RUNTIME__REQUEST_TIMEOUT": "0.5",
        "RUNTIME__REQUEST_MAX_RETRY_DELAY": "0.2",
        "RUNTIME__REQUEST_MAX_ATTEMPTS": "12",
    }
    dice = random.Random(1)
    kinds, before = itertools.cycle(EVERY_FAULT), len(server.requests)
    met: set[Fault] = set()

    def faults(*_: object) -> Fault | None:
        if dice.random() >= 0.3:
            return None
        met.add(kind := next(kinds))
        return kind

    server.faults = faults
    project.run()
    assert met == set(EVERY_FAULT)
    assert len(server.requests) - before > 100
    assert what_should_be_equal(project) == expected


def test_a_disk_that_is_full_fails_the_run_and_the_next_makes_it_good(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m0", orgId=ORG_ID)])
    project.environment["SOURCES__DRIFT__CONTACTS"] = "false"  # thousands of requests
    project.environment["SOURCES__DRIFT__CONVERSATIONS"] = "false"
    project.run()
    published = Path(project.folder / "warehouse.duckdb").readlink()
    more = synthetic_meetings(3_000, "uniform", datetime.now(UTC))
    server.set_meetings([meeting("m0", orgId=ORG_ID), *more])
    for kilobytes in (8, 1_000):
        full = subprocess.run(
            project.command(),
            # Python 3.11 takes a half-written file of bytecode for a whole one.
            env=project.environ(PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda size=kilobytes: resource.setrlimit(  # type: ignore[misc]
                resource.RLIMIT_FSIZE, (size * 1024, size * 1024)
            ),
        )
        assert full.returncode == 1, full.stderr
        assert "Traceback" not in full.stderr
        assert Path(project.folder / "warehouse.duckdb").readlink() == published
    project.run()
    assert project.query("select count(*) from bookings.meetings") == [(3_001,)]
    assert project.query("select count(*) from drift.meeting_listings") == [(3_001,)]


def test_a_read_that_fails_half_way_never_replaces_what_is_listed(
    project: Project, serve: Serve
) -> None:
    start = milliseconds(datetime.now(UTC) + timedelta(days=1))
    apart = [meeting(f"m{n}", slotStart=start + 60_000 * n) for n in range(1_500)]
    server = serve(apart, cap=700)
    project.run()
    server.set_meetings([meeting("other")])
    server.faults = lambda *_: Fault("server_error")
    project.run(code=1)
    assert project.query("select count(*) from drift.meeting_listings") == [(1_500,)]
    server.faults = lambda *_: None
    before = project.tables()
    assert "returns none of the 1,500 meetings" in project.run(code=1).stderr
    assert project.tables() == before
    shown = json.loads(project.run("--status", "--json", code=0).stdout)
    assert (shown["state"], shown["last_run"]["exit_code"]) == ("fresh", 1)
    assert "returns none of the 1,500 meetings" in shown["last_run"]["message"]
    project.run("--accept-delisted", BOOKINGS__MAX_DELISTED_SHARE="0.1")
    assert project.query(
        "select is_listed, count(*) from drift.meeting_listings group by 1 order by 1"
    ) == [
        (False, 1_500),
        (True, 1_501),
    ]
    assert project.query(
        "select meeting_state, count(*) from bookings.meetings group by 1 order by 1"
    ) == [("delisted", 1_500), ("upcoming", 1)]
