"""A copy of the project that a test may run, break and look into."""

import compileall
import gc
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar
from unittest.mock import patch

import duckdb
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from filelock import FileLock

import meetings
from app.errors import explain
from app.options import parse
from tests.hostile import HostileDrift
from warehouse.models import needed_by, read_checks, read_models

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday: the moment of tests that stop the clock."""

KEPT_MODELS = (
    *("meetings", "data_health", "bookings_by_agent", "bookings_by_source"),
    "bookings_by_meeting_type",
)
"""What the summary and the status of a run need."""

# What is compiled here is copied along with the project: each run would compile it anew where the
# environment says that Python is to write no bytecode.
compileall.compile_dir(ROOT / "pipelines", quiet=1)


NOWHERE = {"SOURCES__DRIFT__BASE_URL": "http://127.0.0.1:9"}
"""Where no Drift answers."""


@contextmanager
def configured_by(folder: Path) -> Iterator[None]:
    """Has dlt's configuration, in this process, be that of a project's folder."""
    plugged = Container()[PluggableRunContext]
    before = plugged.context.run_dir
    plugged.reload(str(folder))
    try:
        yield
    finally:
        plugged.reload(before)


@dataclass
class Project:
    """The project in a folder of its own, with an empty home, as a new machine would have it."""

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copied_to(cls, place: Path) -> Self:
        """A copy without anything that runs have written."""
        ignored = shutil.ignore_patterns(".var", "secrets.toml")
        for name in ("pipelines", "sql", ".dlt"):
            shutil.copytree(ROOT / name, place / "project" / name, ignore=ignored)
        (place / "home").mkdir()
        quick = {"RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01"}
        return cls(place / "project", place / "home", quick)

    def keep_few_models(self) -> None:
        """Elsewhere than on DuckDB, all of them take seconds: for what is not about them."""
        folder = self.folder / "sql"
        models = read_models(folder)
        kept = {model.name for name in KEPT_MODELS for model in needed_by(name, models)}
        kept |= {check.name for check in read_checks(folder) if "synced" in check.name}
        for path in folder.glob("*/*.sql"):
            if path.stem not in kept:
                path.unlink()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.folder / "pipelines" / "meetings.py"), *arguments]

    def environ(self, **extra: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
        home = {"HOME": str(self.home), "USERPROFILE": str(self.home)}
        home["DLT_DATA_DIR"] = str(self.home / ".dlt")  # for root, dlt's is outside of its home
        return kept | home | self.environment | extra

    def run(self, *arguments: str, code: int = 0, cwd: Path | str = "/", **extra: str) -> "Done":
        """Runs the pipeline to its end, and checks its exit code."""
        done = zygote().run(self, *arguments, cwd=cwd, extra=extra, kill_after=300)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def refused(self, *arguments: str, code: int = 2, **extra: str) -> str:
        """What a command says that is refused: asked in this process, which is quicker."""
        options = parse(arguments, meetings.__doc__ or "")
        with (
            patch.dict(os.environ, self.environ(**NOWHERE | extra), clear=True),
            patch.object(meetings, "PROJECT", self.folder),
            chdir(self.folder),
            configured_by(self.folder),
            pytest.raises(Exception) as refusal,  # noqa: PT011 - whichever is put into words
        ):
            meetings.command(options)
        sentence, found = explain(refusal.value)
        assert found == code, sentence
        return sentence

    def query(self, sql: str, snapshot: str = "warehouse.duckdb") -> list[tuple[Any, ...]]:
        """Rows of the published file."""
        return self.queries({"": sql}, snapshot)[""]

    def queries(
        self, asked: Mapping[str, str], snapshot: str = "warehouse.duckdb"
    ) -> dict[str, list[tuple[Any, ...]]]:
        """The same for several queries by name: opening the file costs more than most of them."""
        with duckdb.connect(str(self.folder / snapshot), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'").fetchall()
            return {name: connection.execute(sql).fetchall() for name, sql in asked.items()}

    def show(self, sql: str, snapshot: str) -> str:
        """An answer as DuckDB prints it."""
        with duckdb.connect(str(self.folder / snapshot), read_only=True) as connection:
            return str(connection.sql(sql))

    def tables(self, snapshot: str = "warehouse.duckdb") -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that should not change when nothing new is read."""
        names = self.query(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('drift', 'bookings') and table_name not like '\\_dlt%'"
            " escape '\\' and table_name not in ('syncs', 'stg_now', 'data_health')",
            snapshot,
        )
        tables = self.queries({name: f"from {name}" for (name,) in names}, snapshot)
        return {name: sorted(rows, key=repr) for name, rows in tables.items()}


@dataclass(frozen=True)
class Done:
    """A run that has ended: its exit code, what it said, and how many events were counted."""

    returncode: int
    stdout: str
    stderr: str
    events: int


class Zygote:
    """A process that runs the pipeline in forks of itself (see `zygote.py`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        project: Project,
        *arguments: str,
        cwd: Path | str = "/",
        extra: Mapping[str, str] | None = None,
        counts: bool = False,
        **kill: float,
    ) -> Done:
        """One run of the project; `kill` says when it is killed, if at all."""
        assert self._process.stdin
        assert self._process.stdout
        out, err = project.home / "stdout", project.home / "stderr"
        order = {
            "folder": str(project.folder),
            "arguments": arguments,
            "environment": project.environ(**(extra or {})),
            "cwd": str(cwd),
            "stdout": str(out),
            "stderr": str(err),
            "counts": counts,
        }
        print(json.dumps(order | kill), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        said = out.read_text("utf-8"), err.read_text("utf-8")
        return Done(answer["code"], *said, answer["events"])

    def close(self) -> None:
        self._process.communicate()


@cache
def zygote() -> Zygote:
    """The one in which tests run the pipeline, if not said otherwise."""
    return Zygote()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.copied_to(tmp_path)


@dataclass(frozen=True)
class Demo:
    """A project whose demo has run twice, what each run said, and the first day's file."""

    project: Project
    said: tuple[str, str]
    first_day: str = "first_day.duckdb"


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What `make` returns, made in a folder by the first of xdist's processes that asks for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        made = folder / "made"
        if not made.exists():
            folder.mkdir()
            made.write_bytes(pickle.dumps(make(folder)))
        found: T = pickle.loads(made.read_bytes())
    return found


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    def make(folder: Path) -> Demo:
        project = Project.copied_to(folder)
        first = project.run("--demo").stdout
        shutil.copy(project.folder / "demo.duckdb", project.folder / Demo.first_day)
        return Demo(project, (first, project.run("--demo").stdout))

    return made_once(tmp_path_factory, "demo", make)


Serve = Callable[..., HostileDrift]


@pytest.fixture
def serve(project: Project) -> Iterator[Serve]:
    """Starts a fake Drift that the project reads from then on."""
    servers: list[HostileDrift] = []

    def start(meetings: Any, **options: Any) -> HostileDrift:
        server = HostileDrift(meetings, **options).__enter__()
        servers.append(server)
        project.environment |= {
            "SOURCES__DRIFT__BASE_URL": server.url,
            "SOURCES__DRIFT__ACCESS_TOKEN": server.token,
        }
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def meeting(slug: str, **attributes: object) -> Mapping[str, object]:
    """A meeting as Drift sends it, an hour long, tomorrow, with the given attributes changed."""
    start = milliseconds(datetime.now(UTC)) + 86_400_000
    record: dict[str, object] = {
        "slug": slug,
        "agentId": 11,
        "orgId": 7,
        "status": "ACTIVE",
        "meetingSource": "WIDGET",
        "eventId": f"event-{slug}",
        "slotStart": start,
        "slotEnd": start + 3_600_000,
        "updatedAt": start - 90_000_000,
        "scheduledAt": start - 90_000_000,
        "meetingType": "New Meeting",
        "conversationId": 5_000_000_001,
        "endUserTimeZone": "Europe/Berlin",
        "meetingNotes": "A note.",
        "bookedBy": 12,
    }
    record |= attributes
    return {key: value for key, value in record.items() if value is not None}


def wait_until(holds: Callable[[], object]) -> None:
    """Waits for what happens soon, but on a busy machine not at once."""
    given_up = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < given_up
        time.sleep(0.01)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def pytest_collection_finish() -> None:
    """What has been imported stays: the collector need not look at it in each test."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=1, help="moments at which each of two runs is killed"
    )
    parser.addoption(
        "--examples", type=int, default=1, help="invented organisations, 40 steps each"
    )
    parser.addoption(
        "--seed", type=int, help="of these moments and organisations; another one each time"
    )


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    given = request.config.getoption("--seed")
    return random.randrange(2**32) if given is None else int(given)


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--examples"))
