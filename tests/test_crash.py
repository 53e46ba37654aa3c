"""A run that is killed, at any moment, and what the next one makes of it.

Half of the times, the next one is killed, too, and the one after that has to make it good.
"""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import dlt
import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from fake_drift.server import People
from tests.conftest import Project, Zygote, meeting, milliseconds
from tests.hostile import HostileDrift
from warehouse.destination import demo_warehouse

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""No meeting begins or ends within half an hour of now: runs that are compared see the same."""


def organisation(day: int) -> list[Any]:
    """A small organisation on one of two days: on the second, everything that can happen has."""
    records: list[Any] = []
    for number in range(120):
        slot = milliseconds(START) + (number - 40) * 7_200_000
        booked = milliseconds(START - timedelta(days=9)) + number * 60_000
        changed: dict[str, object] = {"slotStart": slot, "slotEnd": slot + 1_800_000}
        changed |= {"scheduledAt": booked, "updatedAt": booked, "agentId": number % 4}
        changed |= {"schedulerId": number // 4, "conversationId": number // 8}
        if day == 2:
            later = milliseconds(START) - 600_000 + number
            if number % 5 == 0:
                changed |= {"status": "CANCELED", "updatedAt": later}
            if number % 7 == 0:
                moved = slot + 86_400_000
                changed |= {"slotStart": moved, "slotEnd": moved + 1, "updatedAt": later}
            if number == 33:
                continue
        records.append(meeting(f"m{number}", **changed))
    records.append(json.dumps({"slug": "bad", "status": day}).encode())
    if day == 2:
        records.append(meeting("new", isRecurring=True, schedulerId=99, conversationId=99))
    return records


def people(day: int) -> People:
    """Its users, teams and visitors; on the second day one has left, one is new, one is gone."""
    users = [{"id": n, "name": f"Agent {n}", "email": f"agent-{n}@example.com"} for n in range(4)]
    teams = [{"id": 1, "name": "East", "members": [0, 1]}, {"id": 2, "members": [1, 2]}]

    def contact(number: int) -> dict[str, object] | None:
        email = f"visitor-{number}@example.com"
        return (
            {"id": number, "attributes": {"email": email, "shoe": "size 43"}}
            if number % 5
            else None
        )

    def conversation(number: int) -> dict[str, object]:
        return {"id": number, "relatedPlaybookId": number % 3, "createdAt": milliseconds(START)}

    return People(
        users=users[day - 1 :], teams=teams[day - 1 :], contact=contact, conversation=conversation
    )


class Tables(Protocol):
    """What answers queries."""

    def query(self, sql: str) -> list[tuple[Any, ...]]: ...

    def queries(self, asked: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]: ...


def what_should_be_equal(tables: Tables) -> dict[str, list[tuple[Any, ...]]]:
    """All tables, without what tells when a run took place: that is what a kill does change."""
    columns = tables.query(
        "select table_schema || '.' || table_name,"
        " string_agg(column_name, ', ' order by column_name)"
        " from information_schema.columns where table_schema in ('drift', 'bookings')"
        " and table_name not like '\\_dlt%' escape '\\'"
        " and table_name not in ('syncs', 'run_lease', 'stg_now', 'data_health')"
        " and column_name not in ('sync_id', 'delisted_at', 'read_at', 'imported_at')"
        " and column_name not like '\\_dlt%' escape '\\' group by 1"
    )
    noticed = "case when event_type <> 'delisted' then occurred_at end"
    found = tables.queries(
        {
            name: f"select {names.replace('occurred_at', noticed)} from {name}"
            for name, names in columns
        }
    )
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


@pytest.fixture(autouse=True)
def no_limit_of_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drift answers 60 a minute: a fast machine kills and repeats more runs than that."""
    monkeypatch.setattr("fake_drift.reports.CALLS_A_MINUTE", 10_000)


@pytest.fixture
def server() -> Iterator[HostileDrift]:
    with HostileDrift(organisation(1), people=people(1), serves_unscheduled=True) as server:
        yield server


@pytest.mark.parametrize(
    "first_run",
    [
        pytest.param(True, id="the first run", marks=pytest.mark.long),
        pytest.param(False, id="a later run"),
    ],
)
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    project: Project, server: HostileDrift, tmp_path: Path, kills: int, seed: int, first_run: bool
) -> None:
    project.environment |= {
        "SOURCES__DRIFT__BASE_URL": server.url,
        "SOURCES__DRIFT__ACCESS_TOKEN": server.token,
        "SOURCES__DRIFT__CONVERSATIONS": "true",
    }
    undisturbed = Zygote()
    if not first_run:
        assert undisturbed.run(project).returncode == 0
    shutil.copytree(project.folder, tmp_path / "before", symlinks=True)
    server.set_meetings(organisation(2))
    server.people = people(2)
    published = (project.folder / "warehouse.duckdb").resolve().parent.name
    done = undisturbed.run(project, counts=True)
    assert done.returncode == 0, done.stderr
    events = done.events
    expected = what_should_be_equal(project)
    undisturbed.close()
    drawn = random.Random(seed)
    moments = [1 + int((kill + drawn.random()) * events / kills) for kill in range(kills)]
    moments.append(events * 2)  # never reached

    def lane(number: int) -> tuple[Counter[str], list[str]]:
        """Kills at every second moment of those drawn, each in a fresh copy."""
        folder = tmp_path / f"lane-{number}"
        (folder / "home").mkdir(parents=True)
        here = Project(folder / "project", folder / "home", project.environment)
        zygote, ends, wrong = Zygote(), Counter[str](), []
        dice = random.Random(seed + number)
        for moment in moments[number::2]:
            at = f"killed at {moment} of {events}"
            shutil.rmtree(here.folder, ignore_errors=True)
            shutil.copytree(tmp_path / "before", here.folder, symlinks=True)
            done = zygote.run(here, counts=True, kill_at=moment)
            if done.returncode == -9:
                copy = (here.folder / "warehouse.duckdb").resolve().parent.name
                ends["before" if copy == published else "after"] += 1
                if dice.random() < 0.5:  # and the run that would make it good
                    second = dice.randrange(1, events)
                    again = zygote.run(here, counts=True, kill_at=second)
                    ends["twice"] += again.returncode == -9
                    at += f", then at {second}"
                done = zygote.run(here)
            else:  # a run may have fewer events than the one in which they were counted
                ends["not reached"] += 1
                at = f"not {at}, but {done.events}"
            if done.returncode != 0:
                wrong.append(f"{at}: exit {done.returncode}: {done.stderr[-500:]}")
                continue
            found = what_should_be_equal(here)
            wrong += [
                f"{at}: {name} differs" for name in expected if found.get(name) != expected[name]
            ]
        zygote.close()
        return ends, wrong

    with ThreadPoolExecutor(2) as lanes:
        (ends, wrong), (more_ends, more_wrong) = lanes.map(lane, (0, 1))
    ends += more_ends
    print(
        f"--kills {kills} --seed {seed}: of {events} events, {ends['before']} killed before the"
        f" numbers were published, {ends['after']} after, {ends['twice']} twice in a row,"
        f" {ends['not reached']} not reached"
    )
    assert wrong + more_wrong == []
    assert ends["not reached"]
    assert kills < 5 or (ends["before"] and ends["after"])


def test_a_merge_deletes_and_inserts_in_one_transaction(tmp_path: Path) -> None:
    plain = dlt.destinations.duckdb(str(tmp_path / "plain.duckdb"))
    assert plain.capabilities().supports_transactions is None  # else dlt needs no telling
    opened = demo_warehouse(tmp_path / "own.duckdb").destination
    assert opened.capabilities().supports_transactions
    pipeline = dlt.pipeline(
        "merged", destination=opened, dataset_name="raw", pipelines_dir=str(tmp_path)
    )

    def rows(name: str) -> dlt.sources.DltResource:
        return dlt.resource(
            [{"id": 1, "name": name}],
            name="things",
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
            primary_key="id",
        )

    pipeline.run(rows("before"))
    with pipeline.sql_client() as client:  # what the insert is refused by stands for a kill
        client.execute_sql("drop table raw.things")
        client.execute_sql(
            "create table raw.things (id bigint not null, name varchar check (name <> 'after'),"
            " _dlt_load_id varchar not null, _dlt_id varchar not null)"
        )
        client.execute_sql("insert into raw.things values (1, 'before', 'a', 'b')")
    with pytest.raises(PipelineStepFailed):
        pipeline.run(rows("after"))
    with duckdb.connect(str(tmp_path / "own.duckdb")) as connection:
        assert connection.execute("select id, name from raw.things").fetchall() == [(1, "before")]
