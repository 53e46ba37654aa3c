"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    python pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    python pipelines/meetings.py --demo    the same, against a stand-in for Drift: no account
    python pipelines/meetings.py --apply-personal-data    what is stored, as the setting now says

Exit codes: 0 done, 1 the run failed and changed nothing that analysts see, 2 wrong usage or
configuration, 3 another run is under way.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parent.parent
VAR = PROJECT / ".dlt" / ".var"


def run(options: argparse.Namespace) -> list[str]:
    """One run, from Drift to the file that analysts open; its summary."""
    from configuration import read_settings
    from console import Steps
    from drift import drift_source
    from drift.neighbours import drift_neighbours, read_neighbours
    from summary import summarize
    from warehouse.destination import (
        RAW_STAGING,
        duckdb_file,
        kept_open,
        open_demo,
        open_warehouse,
        place_of,
    )
    from warehouse.interrupted import finish_interrupted
    from warehouse.lease import run_lease
    from warehouse.lock import run_lock
    from warehouse.models import build
    from warehouse.snapshot import check_place, publish

    gc.freeze()
    gc.enable()
    settings, steps = read_settings(PROJECT), Steps()
    var, snapshot = VAR, settings.snapshot
    if options.demo:  # a database, a snapshot and a lock of its own
        var, snapshot = VAR / "demo", PROJECT / "demo.duckdb"
    with ExitStack() as held:
        held.enter_context(run_lock(var / "lock", wait_seconds=settings.lock_wait_seconds))
        opened = open_demo if options.demo else open_warehouse
        source = None if options.demo else drift_source(full_refresh=options.full_refresh)
        pipeline = opened(var / "pipeline.duckdb", var / "pipelines")
        if database := duckdb_file(pipeline):
            check_place(snapshot, database)
        else:
            held.enter_context(run_lease(pipeline, var, wait_seconds=settings.lock_wait_seconds))
        with kept_open(database, settings.duckdb_memory):
            finish_interrupted(pipeline)
            if source is None:
                from demo import demo_source

                asked = demo_source(pipeline, full_refresh=options.full_refresh)
                source, read_neighbours = held.enter_context(asked)
            with steps.step("sync"):
                pipeline.run(source)
            with steps.step("neighbours"):
                neighbours = read_neighbours(full_refresh=options.full_refresh)
                if neighbours.rows:
                    pipeline.run(drift_neighbours(neighbours))
            with steps.step("models and checks"):
                built = build(pipeline, PROJECT / "sql", {"time_zone": settings.time_zone})
            lines = summarize(pipeline, built, neighbours.summary)
        if database:
            with steps.step("snapshot"):
                publish(database, snapshot, without=[RAW_STAGING])
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in steps.seconds.items())
        place = str(snapshot) if database else place_of(pipeline)
        return [*lines, "", f"took       {took}", f"database   {place}"]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="meetings.py",
        description="Drift's booked meetings into the warehouse, and the booking metrics derived.",
        epilog="Exit codes: 0 done, 1 the run failed, 2 wrong usage or configuration, "
        "3 another run is under way.",
    )
    parser.add_argument(
        "--demo", action="store_true", help="read a stand-in for Drift; each run moves it on a day"
    )
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="read without what the last run left behind; nothing is dropped",
    )
    parser.add_argument(
        "--apply-personal-data",
        action="store_true",
        help="write what is stored anew, as sources.drift.personal_data now says; reads no Drift",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="dlt's log, and tracebacks of failures"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    # Imports leave tens of thousands of objects that stay: the collector need not look at them.
    gc.disable()
    os.chdir(PROJECT)  # dlt looks for .dlt, and for files with relative paths, where it runs
    if options.verbose:
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    import console

    console.start()
    try:
        if options.apply_personal_data:
            from rewrite import rewrite

            lines = rewrite(PROJECT, VAR, demo=options.demo)
        else:
            lines = run(options)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - failures become sentences
        return console.fail(failure, verbose=options.verbose)
    console.summary(lines)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; taking down the interpreter would cost a quarter second
