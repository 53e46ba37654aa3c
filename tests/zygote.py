"""Runs the pipeline in forks of a process that has all modules loaded, and kills them on demand.

Loading them takes most of a small run. Reads a JSON line a run from stdin: the project, arguments,
environment, working folder, files for stdout and stderr, and when the run is to be killed: at its
n-th audited event (a file opened, renamed or removed, a connection made), after a number of
seconds, or not. Answers with a line: the exit code (negative: the signal), and the number of events
counted.
"""

import gc
import json
import os
import runpy
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

EVENTS: Final = frozenset(
    {
        "open",
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "shutil.copyfile",
        "shutil.rmtree",
        "socket.connect",
    }
)


def child(order: dict[str, Any], report: int) -> None:
    os.environ.clear()
    os.environ.update(order["environment"])
    folder = Path(order["folder"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    sys.path[0] = str(folder / "pipelines")
    sys.argv = ["meetings.py", *order["arguments"]]
    os.chdir(order["cwd"])
    counted, kill_at = 0, order.get("kill_at")

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal counted
        if event in EVENTS:
            counted += 1
            os.pwrite(report, str(counted).encode(), 0)
            if kill_at and counted >= kill_at:  # not ==: threads count, too
                os.kill(os.getpid(), order.get("signal", signal.SIGKILL))

    if order["counts"]:
        sys.addaudithook(count)
    if after := order.get("kill_after"):
        threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    try:
        runpy.run_path(str(folder / "pipelines" / "meetings.py"), run_name="__main__")
    except SystemExit as leaving:
        os._exit(int(leaving.code or 0))
    os._exit(0)


LIBRARIES: Final = (
    "adbc_driver_postgresql.dbapi",
    "dlt._workspace.cli._plugins",
    "dlt.common.libs.pyarrow",
    "dlt.common.runtime.json_logging",
    "dlt.destinations.impl.bigquery.bigquery",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.destinations.impl.duckdb.factory",
    "dlt.destinations.impl.ducklake.sql_client",
    "dlt.destinations.impl.postgres.factory",
    "dlt.destinations.impl.postgres.postgres",
    "dlt.sources.helpers.requests",
    "dlt.sources.helpers.rest_client",
    "filelock",
    "graphlib",
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.json",
    "pyarrow.parquet",
    "pytz",
    "sqlglot.dialects.duckdb",
)


PIPELINES: Final = Path(__file__).resolve().parent.parent / "pipelines"


def own() -> Iterator[str]:
    """The project's modules. Nobody changes them in a copy: its SQL and settings are its own."""
    for path in PIPELINES.glob("*/*.py"):
        name = path.relative_to(PIPELINES).with_suffix("")
        yield ".".join(name.parts).removesuffix(".__init__")


def main() -> None:
    sys.path[0] = str(PIPELINES)
    for module in (*LIBRARIES, *own()):
        with suppress(ImportError):  # an older one, or an extra that is not installed
            import_module(module)
    gc.freeze()  # what is collected would be copied into each fork
    for line in sys.stdin:
        order = json.loads(line)
        with TemporaryFile() as file:
            report = file.fileno()
            if (pid := os.fork()) == 0:
                child(order, report)
            _, status = os.waitpid(pid, 0)
            counted = int(os.pread(report, 20, 0) or b"0")
        answer = {"code": os.waitstatus_to_exitcode(status), "events": counted}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
