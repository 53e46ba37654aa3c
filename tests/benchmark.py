"""How fast, and against what: this project, the script one would write by hand, idiomatic dlt.

    uv run --group dev python tests/benchmark.py                   # all figures, in some 25 minutes
    uv run --group dev python tests/benchmark.py --meetings 20000  # other sizes, shapes, latencies
    uv run --group dev python tests/benchmark.py --base ../other   # this and another checkout
    uv run --group dev python tests/benchmark.py --smoke           # small: what landed, requests

Each run is a whole process that reads a fake Drift, itself a process of its own, and lands
in DuckDB files of its own. The programs take turns, so that a ratio compares neighbours in time.
Exit code 1: they did not land the same meetings, a program failed, or (with --smoke) a target for
requests was missed. The tables go to stdout, progress to stderr.
"""

import argparse
import gc
import os
import platform
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "pipelines")]

from fake_drift.organisation import Meeting  # noqa: E402
from tests.hostile import HostileDrift  # noqa: E402
from tests.synthetic import Shape, synthetic_meetings  # noqa: E402

T = TypeVar("T")

OURS, BY_HAND, DLT = "ours", "by hand", "idiomatic dlt"
BASE = "base"
"""What another checkout has in the place of ours."""
PROGRAMS: Final = (OURS, BASE, BY_HAND, DLT)
"""All read meetings alone."""
RIVALS: Final = {BY_HAND: "by_hand.py", DLT: "idiomatic_dlt.py"}
TOKEN: Final = HostileDrift.token

COLD, AGAIN, CHANGED, STORED = "cold", "again", "10 % changed", "many stored"
PHASES: Final = (COLD, AGAIN, CHANGED, STORED)
"""What a run finds: an empty warehouse; nothing new; a tenth of the meetings moved, half of those
canceled as well; nothing new, and many more versions in the warehouse."""

CHANGED_SHARE: Final = 0.1


def most_requests(meetings: int) -> int:
    """The most requests that a later run may make."""
    return 115 * ceil(meetings / 1000) // 100 + 2


@dataclass(frozen=True)
class Work:
    """What the programs are given to do, and how often."""

    meetings: int
    shape: Shape = "uniform"
    latency_ms: int = 0
    programs: Sequence[str] = (OURS, BY_HAND)
    phases: Sequence[str] = (COLD, AGAIN)
    repeats: int = 3
    stored: int = 0
    """Versions that the phase `many stored` adds to the warehouse."""

    def __str__(self) -> str:
        late = f", {self.latency_ms} ms" if self.latency_ms else ""
        return f"{self.meetings:,} {self.shape}{late}"


STANDARD: Final = (
    Work(2_000, programs=(OURS, BY_HAND, DLT), repeats=5),
    Work(20_000, programs=(OURS, BY_HAND, DLT)),
    Work(100_000, phases=PHASES, stored=1_000_000),
    Work(100_000, programs=(OURS, DLT), phases=(COLD,), repeats=1),
    Work(100_000, shape="peak", phases=(COLD, AGAIN, CHANGED), repeats=1),
    Work(100_000, shape="office", phases=(COLD, AGAIN, CHANGED), repeats=1),
    Work(100_000, latency_ms=50),
    Work(1_000_000, repeats=1),
)
BESIDE: Final = (
    Work(2_000, programs=(OURS, BASE), repeats=5),
    Work(100_000, programs=(OURS, BASE)),
)
SMOKE: Final = (
    Work(3_000, shape="peak", phases=(COLD, AGAIN, CHANGED), repeats=1),
    Work(1_500, programs=(OURS, DLT), phases=(COLD,), repeats=1),
)


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int
    """As the server counted them."""
    added: int = 0
    """Versions that ours found new."""


Runs = dict[tuple[Work, str, str], list[Run]]
"""By work, phase and program, in the order of the repeats."""


class BenchmarkError(Exception):
    """A program failed, or did not land what the others did."""


# --- the fake Drift, in a process of its own


def changed(meetings: Sequence[Meeting], since: datetime) -> list[Meeting]:
    """The meetings with a tenth of them changed after `since`: moved to the slot of another, which
    keeps the shape, and every second of those canceled."""
    dice = random.Random("changed")
    first = int(since.timestamp() * 1000) + 1
    span = int(time.time() * 1000) - first
    after = list(meetings)
    for number in dice.sample(range(len(after)), int(len(after) * CHANGED_SHARE)):
        slot, cancel = dice.choice(meetings), dice.random() < 0.5
        after[number] = {
            **after[number],
            "slotStart": slot["slotStart"],
            "slotEnd": slot["slotEnd"],
            "updatedAt": first + int(dice.random() * span),
            **({"status": "CANCELED"} if cancel else {}),
        }
    return after


def serve(work: Work, orders: "Connection[int | None, bool | None]") -> None:
    """Serves the work's meetings until `orders` are closed.

    Sends the port first. An order says whether to serve them changed from now on, or (None) asks
    only; each is answered with the number of requests since the one before.
    """
    since = datetime.now(UTC)
    meetings = synthetic_meetings(work.meetings, work.shape, since)
    with (
        HostileDrift(meetings, latency_seconds=work.latency_ms / 1000) as server,
        suppress(EOFError),
    ):
        if CHANGED not in work.phases:
            meetings = []  # rendered: two gigabytes less for a million
        gc.freeze()
        orders.send(server.port)
        heard = 0
        while True:
            change = orders.recv()
            if change is not None:
                server.set_meetings(changed(meetings, since) if change else meetings)
            asked = len(server.requests)
            orders.send(asked - heard)
            heard = asked


@dataclass(frozen=True)
class Server:
    """The fake Drift of a work, as the benchmark sees it."""

    url: str
    orders: "Connection[bool | None, int]"

    def change(self, *, change: bool) -> None:
        self.orders.send(change)
        self.orders.recv()

    def requests(self) -> int:
        """Requests since this was asked the last time."""
        self.orders.send(None)
        return self.orders.recv()


@contextmanager
def served(work: Work) -> Iterator[Server]:
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Server(f"http://127.0.0.1:{ours.recv()}", ours)
    finally:
        ours.close()
        process.join()


# --- the programs


@dataclass(frozen=True)
class Program:
    """A program in an empty folder, ready to run."""

    name: str
    folder: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    database: Path
    """Where others find what it landed."""


def prepared(name: str, folder: Path, url: str, base: Path) -> Program:
    folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    environment["DLT_DATA_DIR"] = str(folder / ".dlt")  # for root, dlt's is outside of its home
    if name in (OURS, BASE):
        ignored = shutil.ignore_patterns(".var", "secrets.toml")
        for part in ("pipelines", "sql", ".dlt"):
            root = ROOT if name == OURS else base
            shutil.copytree(root / part, folder / "project" / part, ignore=ignored)
        script, arguments = folder / "project" / "pipelines" / "meetings.py", []
        compile_all(script.parent)
        related = ("USERS", "TEAMS", "PLAYBOOKS", "CONTACTS", "CONVERSATIONS")
        environment |= {f"SOURCES__DRIFT__{name}": "false" for name in related}
        environment |= {"SOURCES__DRIFT__BASE_URL": url, "SOURCES__DRIFT__ACCESS_TOKEN": TOKEN}
        database = folder / "project" / "warehouse.duckdb"
    else:
        script, database = ROOT / "tests" / "rivals" / RIVALS[name], folder / "landed.duckdb"
        arguments = [url, TOKEN, str(database)]
        environment["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    command = [sys.executable, str(script), *arguments]
    return Program(name, folder, command, environment, database)


def compile_all(folder: Path) -> None:
    """Writes bytecode: without it, importing dlt alone takes two seconds."""
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "0", str(folder)],
        stdout=subprocess.DEVNULL,  # packages hold templates that are no Python
        stderr=subprocess.DEVNULL,
        check=False,
    )


def run(program: Program, server: Server) -> Run:
    """Runs a program to its end."""
    said = program.folder / "said.txt"
    server.requests()
    with said.open("w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=program.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    words = said.read_text("utf-8")
    if process.returncode:
        raise BenchmarkError(f"{program.name}: exit code {process.returncode}\n{words}")
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        # Linux begins a child's peak with its parent's, so the parent must stay the smaller.
        raise BenchmarkError(f"{program.name}: its peak memory is hidden by the benchmark's own.")
    requests = server.requests()
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    taken = Run(seconds, usage.ru_utime + usage.ru_stime, peak, requests)
    if program.name != OURS:
        return taken
    told = re.search(r"^read .* in ([\d,]+) requests.*\n.* ([\d,]+) versions", words, flags=re.M)
    asked, added = (int(number.replace(",", "")) for number in told.groups()) if told else (0, 0)
    if asked != requests:
        raise BenchmarkError(f"ours tells of {asked} requests, the server of {requests}\n{words}")
    return replace(taken, added=added)


# --- what needs much memory, in processes of its own


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns, worked out in another process: see `run` for why."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


LANDED: Final = {
    **dict.fromkeys(
        (OURS, BASE),
        "select meeting_id as slug, epoch_ms(updated_at) as updated_at, status"
        " from bookings.meetings where slot_start_at > now() - interval 40 days",
    ),
    BY_HAND: "select slug, epoch_ms(updatedAt) as updated_at, status from meetings",
    DLT: "select slug, updated_at, status from drift.meetings",
}


def difference(databases: Mapping[str, Path], meetings: int) -> str | None:
    """What one program landed otherwise than the first, if anything: a sentence."""
    import duckdb  # noqa: PLC0415 - the benchmark itself stays small

    desk = duckdb.connect()
    for number, (program, database) in enumerate(databases.items()):
        with duckdb.connect(str(database), read_only=True) as connection:
            landed = connection.sql(LANDED[program]).to_arrow_table()
        desk.register(f"landed_{number}", landed)
        if landed.num_rows != meetings:
            return f"{program} landed {landed.num_rows:,} of {meetings:,} meetings."
        other = desk.sql(
            "select slug, one.updated_at, one.status, other.updated_at, other.status"
            f" from landed_0 as one full join landed_{number} as other using (slug)"
            " where one.updated_at is distinct from other.updated_at"
            "   or one.status is distinct from other.status"
            " order by slug limit 3"
        ).fetchall()
        if other:
            first = next(iter(databases))
            return f"{first} and {program} differ (slug, updated_at, status of each): {other}"
    return None


def store_more(database: Path, versions: int) -> None:
    """Adds to the warehouse of ours: an older state of each meeting, and meetings of years past."""
    import duckdb  # noqa: PLC0415

    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "insert into drift.meeting_versions"
            " select stored.* replace ("
            "     case when year = 1 then slug else concat(slug, '-', year) end as slug,"
            "     slot_start - to_days(case when year = 1 then 0 else 365 * year end)"
            "       as slot_start,"
            "     slot_end - to_days(case when year = 1 then 0 else 365 * year end) as slot_end,"
            "     updated_at - to_days(365 * year) as updated_at,"
            "     scheduled_at - to_days(365 * year) as scheduled_at,"
            "     content_hash + year as content_hash)"
            " from drift.meeting_versions as stored"
            " cross join (select unnest(range(1, cast(? / count(*) as bigint) + 1)) as year"
            "   from drift.meeting_versions)",
            [versions],
        ).fetchall()


# --- a work, and all of them


def measure(work: Work, base: Path, runs: Runs) -> None:
    """Adds the work's runs. Raises `BenchmarkError` unless all programs land the same."""
    with served(work) as server:
        for repeat in range(work.repeats):
            if repeat and CHANGED in work.phases:
                server.change(change=False)
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                programs = [
                    prepared(name, Path(folder, name.replace(" ", "-")), server.url, base)
                    for name in (work.programs if repeat % 2 == 0 else work.programs[::-1])
                ]
                for phase in (phase for phase in PHASES if phase in work.phases):
                    _measure_phase(work, phase, programs, server, runs)


def _measure_phase(
    work: Work, phase: str, programs: Sequence[Program], server: Server, runs: Runs
) -> None:
    if phase == CHANGED:
        server.change(change=True)
    if phase == STORED:
        programs = [program for program in programs if program.name == OURS]
        if not programs or runs.get((work, STORED, OURS)):
            return
        database = programs[0].folder / "project" / ".dlt" / ".var" / "pipeline.duckdb"
        apart(store_more, database, work.stored)
    for program in programs:
        taken = run(program, server)
        runs.setdefault((work, phase, program.name), []).append(taken)
        if taken.added and phase in (AGAIN, STORED):
            raise BenchmarkError(f"{work}, {phase}: ours loaded {taken.added} versions again.")
        say(f"{work}, {phase}, {program.name}: {taken.seconds:.2f} s, {taken.requests} requests")
    databases = {program.name: program.database for program in programs}
    if found := apart(difference, databases, work.meetings):
        raise BenchmarkError(f"{work}, {phase}: {found}")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


# --- the tables


@dataclass(frozen=True)
class Verdict:
    """A figure beside the most that it should be."""

    work: Work
    figure: str
    measured: int
    target: int

    @property
    def met(self) -> bool:
        return self.measured <= self.target

    def row(self) -> list[str]:
        met = "yes" if self.met else "**no**"
        return [str(self.work), self.figure, f"{self.measured:,}", f"≤ {self.target:,}", met]


def ratio(runs: Runs, work: Work, phase: str, other: str) -> float | None:
    """Seconds of ours ÷ seconds of the other: the median of the runs side by side."""
    ours, theirs = runs.get((work, phase, OURS)), runs.get((work, phase, other))
    if not ours or not theirs:
        return None
    return median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))


def verdicts_on_requests(runs: Runs, works: Sequence[Work]) -> Iterator[Verdict]:
    for work in works:
        for phase in PHASES:
            ours = [r.requests for r in runs.get((work, phase, OURS), [])]
            bisection = [r.requests for r in runs.get((work, phase, BY_HAND), [])]
            if ours and phase != COLD:
                most = most_requests(work.meetings)
                yield Verdict(work, f"requests, {phase}", max(ours), most)
            elif ours and bisection:
                figure = "requests, cold: as bisection, and 2 for the cap"
                yield Verdict(work, figure, max(ours), min(bisection) + 2)


def table(names: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """A Markdown table, so many columns of words to the left, figures to the right."""
    dashes = ["---" if n < left else "---:" for n in range(len(names))]
    return [f"| {' | '.join(row)} |" for row in (names, dashes, *rows)]


def figures(runs: Runs) -> list[str]:
    rows = []
    for (work, phase, program), taken in runs.items():
        seconds = [r.seconds for r in taken]
        between = f" ({min(seconds):.2f} to {max(seconds):.2f})" if len(seconds) > 1 else ""
        share = None if program == OURS else ratio(runs, work, phase, program)
        rows.append(
            [
                str(work),
                phase,
                program,
                f"{median(seconds):.2f}{between}",
                "" if share is None else f"{share:.2f}",
                f"{median(r.cpu_seconds for r in taken):.2f}",
                f"{max(r.peak_mb for r in taken):,.0f}",
                f"{max(r.requests for r in taken):,}",
            ]
        )
    names = ["meetings", "run", "program", "seconds (from to)", "ours ÷ it", "CPU s", "peak MB"]
    return table([*names, "requests"], rows, left=3)


def side_by_side(runs: Runs) -> list[str]:
    """Of ours and the other checkout: the median processor seconds, and the highest peak."""
    rows = []
    for (work, phase, program), ours in runs.items():
        if program == OURS and (others := runs.get((work, phase, BASE))):
            cpu = [median(run.cpu_seconds for run in taken) for taken in (ours, others)]
            peak = [max(run.peak_mb for run in taken) for taken in (ours, others)]
            figures = [f"{one:.2f}" for one in (*cpu, cpu[0] / cpu[1])]
            figures += [*(f"{one:,.0f}" for one in peak), f"{peak[0] / peak[1]:.2f}"]
            rows.append([str(work), phase, *figures])
    names = ["meetings", "run", "CPU s", "base", "ours ÷ base", "peak MB", "base", "ours ÷ base"]
    return table(names, rows, left=2)


def machine() -> str:
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), flags=re.M)
        model = found[1] if found else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in ("dlt", "duckdb", "pyarrow"))
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, {platform.system()};"
        f" Python {platform.python_version()}, {packages}."
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Without options: all figures.",
        epilog="--meetings, --shape and --latency, all combined, replace the usual works.",
    )
    parser.add_argument("--meetings", type=int, nargs="+")
    parser.add_argument("--shape", nargs="+", choices=("uniform", "peak", "office"))
    parser.add_argument("--latency", type=int, nargs="+", help="milliseconds before each answer")
    parser.add_argument("--program", nargs="+", choices=PROGRAMS)
    parser.add_argument("--phase", nargs="+", choices=PHASES, help="cold comes first in any case")
    parser.add_argument("--stored", type=int, default=1_000_000, help="for the phase many stored")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--base", type=Path, help="another checkout, to compare with")
    parser.add_argument("--smoke", action="store_true", help="small, and held to its requests")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Work]:
    works = list(SMOKE if options.smoke else BESIDE if options.base else STANDARD)
    if options.meetings or options.shape or options.latency:
        sizes, shapes = options.meetings or [100_000], options.shape or ["uniform"]
        works = [
            Work(meetings, shape, latency, programs=(OURS, BASE if options.base else BY_HAND))
            for meetings, shape, latency in product(sizes, shapes, options.latency or [0])
        ]
    if options.program:
        works = [replace(work, programs=tuple(options.program)) for work in works]
    if options.phase:
        phases = (COLD, *options.phase)
        works = [replace(work, phases=phases, stored=options.stored) for work in works]
    if options.repeats:
        works = [replace(work, repeats=options.repeats) for work in works]
    return works


def main() -> int:
    options = parse()
    works = chosen(options)
    compile_all(Path(sys.prefix) / "lib")
    runs: Runs = {}
    for work in works:
        try:
            measure(work, options.base or ROOT, runs)
        except BenchmarkError as failure:
            say(str(failure))
            return 1
    requests = list(verdicts_on_requests(runs, works))
    names = ["meetings", "figure", "measured", "target", "met"]
    lines = [*side_by_side(runs), ""] if options.base else []
    lines += [*figures(runs), "", *table(names, [verdict.row() for verdict in requests], left=2)]
    lines += ["", machine(), "", "In every phase all programs had landed the same meetings."]
    print("\n".join(lines))
    return 1 if options.smoke and not all(verdict.met for verdict in requests) else 0


if __name__ == "__main__":
    sys.exit(main())
