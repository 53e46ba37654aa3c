"""A run into PostgreSQL that is killed, at any moment, and what the next one makes of it.

As in `tests/test_crash.py`; here each table is loaded in a transaction of its own, and there is no
file to go back to. Now and then the run that makes good is killed, too.
"""

import contextlib
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.conftest import Project, Serve, zygote
from tests.destinations.conftest import Postgres
from tests.test_crash import no_limit_of_reports, organisation, people, what_should_be_equal

pytestmark = [pytest.mark.long, pytest.mark.usefixtures(no_limit_of_reports.__name__)]

STATES = "select _dlt_load_id from drift._dlt_pipeline_state"


@pytest.fixture
def clone(server: str) -> Iterator[Callable[[str, str], None]]:
    """Makes one database a copy of another, which nobody may have open."""
    with contextlib.closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True

        def make(source: str, copy: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"drop database if exists {copy} with (force)")
                cursor.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                    (source,),
                )
                cursor.execute(f"create database {copy} template {source}")
                cursor.execute(f"grant create on database {copy} to loader")

        yield make


@pytest.mark.parametrize("first_run", [True, False], ids=["the first run", "a later run"])
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    project: Project,
    serve: Serve,
    on_postgres: Postgres,
    clone: Callable[[str, str], None],
    tmp_path: Path,
    kills: int,
    seed: int,
    first_run: bool,
) -> None:
    database, before = on_postgres.database, f"{on_postgres.database}_before"
    server = serve(organisation(1), people=people(1), serves_unscheduled=True)
    project.environment["SOURCES__DRIFT__CONVERSATIONS"] = "true"
    if not first_run:
        project.run()
    shutil.copytree(project.folder, tmp_path / "before", symlinks=True)
    clone(database, before)
    server.set_meetings(organisation(2))
    server.people = people(2)
    done = zygote().run(project, counts=True)
    assert done.returncode == 0, done.stderr
    events = done.events
    expected = what_should_be_equal(on_postgres)
    dice, ends, wrong = random.Random(seed), Counter[str](), []
    for kill in range(kills):
        moment = 1 + int((kill + dice.random()) * events / kills)
        at = f"killed at {moment} of {events}"
        shutil.rmtree(project.folder)
        shutil.copytree(tmp_path / "before", project.folder, symlinks=True)
        clone(before, database)
        done = zygote().run(project, counts=True, kill_at=moment)
        if done.returncode == -9:
            ends["killed"] += 1
            if dice.random() < 0.5:
                again = zygote().run(project, counts=True, kill_at=dice.randrange(1, events))
                ends["killed again"] += again.returncode == -9
                at += f", then exit {again.returncode}"
            done = zygote().run(project)
        else:
            ends["not reached"] += 1
        if done.returncode != 0:
            wrong.append(f"{at}: exit {done.returncode}: {done.stderr[-500:]}")
            continue
        found = what_should_be_equal(on_postgres)
        wrong += [f"{at}: {name} differs" for name in expected if found.get(name) != expected[name]]
        if len(loads := on_postgres.query(STATES)) != len(set(loads)):
            wrong.append(f"{at}: a state is stored twice")
    print(f"--kills {kills} --seed {seed}: of {events} events, {dict(ends)}")
    assert wrong == []
