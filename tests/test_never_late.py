"""Numbers are published first; what costs a request a person comes after, and spoils nothing."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fake_drift.people import people_of
from tests.conftest import Project, Serve
from tests.hostile import Fault
from tests.synthetic import synthetic_meetings

pytestmark = pytest.mark.process

MEETINGS = (
    "select count(*), count(visitor_email_domain), count(playbook_name) from bookings.meetings"
)


def seen_at_the_first_contact(
    project: Project, seen: list[object], then: Fault | None
) -> Callable[[int, str], Fault | None]:
    """Faults that note what analysts see when the first contact is asked for."""
    lock = threading.Lock()  # several are asked for at once

    def faults(_: int, path: str) -> Fault | None:
        if "/contacts/" not in path:
            return None
        with lock:
            if not seen:
                seen.append(project.query(MEETINGS))
        return then

    return faults


def test_numbers_are_published_before_contacts_are_asked_for_and_again_with_them(
    project: Project, serve: Serve
) -> None:
    served = synthetic_meetings(50, "office", datetime.now(UTC))
    server = serve(served, people=people_of(served))
    seen: list[object] = []
    server.faults = seen_at_the_first_contact(project, seen, None)
    done = project.run()
    ((_, _, playbooks),) = project.query(MEETINGS)
    assert playbooks > 0
    assert seen == [[(50, 0, playbooks)]]
    assert project.query(MEETINGS) == [(50, 50, playbooks)]
    assert "50 conversations" in done.stdout
    assert [one.path for one in server.requests].count("/reports/conversations") == 1
    # Nothing is new, so the models are not built a second time.
    assert project.run().stderr.count("models and checks") == 1


def test_contacts_that_hang_delay_nothing_and_cost_their_time(
    project: Project, serve: Serve
) -> None:
    served = synthetic_meetings(50, "office", datetime.now(UTC))
    server = serve(served, people=people_of(served))
    seen: list[object] = []
    server.faults = seen_at_the_first_contact(project, seen, Fault("hang", seconds=30))
    began = time.monotonic()
    done = project.run(SOURCES__DRIFT__CONTACTS_SECONDS="1")
    assert time.monotonic() - began < 20
    assert len(seen) == 1
    assert "0 contacts" in done.stdout
    assert "missing    contacts: The time for people's details" in done.stdout


def test_details_that_break_the_models_are_a_line_and_what_is_published_stays(
    project: Project, serve: Serve
) -> None:
    served = synthetic_meetings(5, "office", datetime.now(UTC))
    serve(served, people=people_of(served))
    check = project.folder / "sql" / "checks" / "nobody_is_known.sql"
    check.write_text("-- Made to fail.\nselect contact_id from bookings_internal.stg_contacts\n")
    done = project.run()
    assert "missing    people's details: The new tables were not published" in done.stdout
    assert [row[:2] for row in project.query(MEETINGS)] == [(5, 0)]
    check.unlink()
    project.run()
    assert [row[:2] for row in project.query(MEETINGS)] == [(5, 5)]


def test_a_run_that_comes_to_its_deadline_says_so_and_leaves_what_there_is(
    project: Project, serve: Serve
) -> None:
    served = synthetic_meetings(5, "office", datetime.now(UTC))
    server = serve(served)
    project.run(SOURCES__DRIFT__CONTACTS="false")
    server.faults = lambda *_: Fault("hang", seconds=30)
    began = time.monotonic()
    failed = project.run(SOURCES__DRIFT__DEADLINE_SECONDS="1", code=1)
    assert time.monotonic() - began < 20
    last = failed.stderr.splitlines()[-1]
    assert last == "The time for this run (sources.drift.deadline_seconds) is over."
    assert [row[:1] for row in project.query(MEETINGS)] == [(5,)]
