"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    python pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    python pipelines/meetings.py --demo    the same, against a stand-in for Drift: no account
    python pipelines/meetings.py --report bookings.html    what is published, as a page to look at
    python pipelines/meetings.py --status  how things stand: the last run, how fresh the data are

Exit codes: 0 done, 1 the run failed and changed nothing that analysts see, 2 wrong usage or
configuration, 3 another run is under way; of --status: 0 fresh, 4 stale, 5 a hole.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from configuration import Settings
    from warehouse.reading import Ask

PROJECT = Path(__file__).resolve().parent.parent
VAR = PROJECT / ".dlt" / ".var"


def run(options: argparse.Namespace) -> list[str]:
    """One run, from Drift to the file that analysts open; its summary."""
    from configuration import read_settings
    from console import Steps
    from drift import drift_source
    from last_run import recorded
    from report import check_report, write_report
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

    settings, steps = read_settings(PROJECT), Steps()
    var, snapshot = _places(options, settings)
    with ExitStack() as held:
        held.enter_context(run_lock(var / "lock", wait_seconds=settings.lock_wait_seconds))
        held.enter_context(recorded(var / "last_run.json"))
        opened = open_demo if options.demo else open_warehouse
        source = None if options.demo else drift_source(full_refresh=options.full_refresh)
        pipeline = opened(var / "pipeline.duckdb", var / "pipelines")
        if database := duckdb_file(pipeline):
            check_place(snapshot, database)
        else:
            held.enter_context(run_lease(pipeline, var, wait_seconds=settings.lock_wait_seconds))
        if settings.report:
            check_report(settings.report)
        with kept_open(database):
            finish_interrupted(pipeline)
            if source is None:
                from demo import demo_source

                asked = demo_source(pipeline, full_refresh=options.full_refresh)
                source = held.enter_context(asked)
            with steps.step("sync"):
                pipeline.run(source)
            with steps.step("models and checks"):
                built = build(pipeline, PROJECT / "sql", {"time_zone": settings.time_zone})
            lines = summarize(pipeline, built)
        if database:
            with steps.step("snapshot"):
                publish(database, snapshot, without=[RAW_STAGING])
        if settings.report:
            with steps.step("report"), _published(options, settings) as ask:
                write_report(ask, PROJECT / "sql", settings.report)
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in steps.seconds.items())
        place = str(snapshot) if database else place_of(pipeline)
        return [*lines, "", f"took       {took}", f"database   {place}"]


def report(options: argparse.Namespace) -> int:
    """The report of what is published, to a file; nothing is read from Drift."""
    import console
    from configuration import read_settings
    from report import check_report, write_report

    check_report(options.report)
    with _published(options, read_settings(PROJECT)) as ask:
        write_report(ask, PROJECT / "sql", options.report)
    console.summary([f"report     {options.report}"])
    return 0


def show_status(options: argparse.Namespace) -> int:
    """How things stand, on stdout; the exit code says it too."""
    import console
    from configuration import read_settings
    from last_run import read_record
    from status import as_json, as_text, find_status
    from warehouse.lock import is_held

    settings = read_settings(PROJECT)
    var, _ = _places(options, settings)
    with _published(options, settings) as ask:
        clock = ask("select newest_sync_at from bookings.data_health") if options.demo else []
        status = find_status(
            ask,
            read_record(var / "last_run.json"),
            run_under_way=is_held(var / "lock"),
            stale_after_hours=settings.stale_after_hours,
            now=clock[0]["newest_sync_at"] if clock else None,
        )
    console.summary([as_json(status)] if options.json else as_text(status))
    return status.exit_code


def _places(options: argparse.Namespace, settings: Settings) -> tuple[Path, Path]:
    """Where a run keeps its files, and the snapshot; the demo has its own of both."""
    if options.demo:
        return VAR / "demo", PROJECT / "demo.duckdb"
    return VAR, settings.snapshot


@contextmanager
def _published(options: argparse.Namespace, settings: Settings) -> Iterator[Ask]:
    from warehouse.reading import open_published, open_snapshot

    var, snapshot = _places(options, settings)
    with (
        open_snapshot(snapshot)
        if options.demo
        else open_published(var / "pipeline.duckdb", snapshot) as ask
    ):
        yield ask


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="meetings.py",
        description="Drift's booked meetings into the warehouse, and the booking metrics derived.",
        epilog="Exit codes: 0 done, 1 the run failed, 2 wrong usage or configuration, "
        "3 another run is under way; of --status: 0 fresh, 4 stale, 5 a hole.",
    )
    parser.add_argument(
        "--demo", action="store_true", help="read a stand-in for Drift; each run moves it on a day"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--full-refresh",
        action="store_true",
        help="read without what the last run left behind; nothing is dropped",
    )
    what.add_argument(
        "--report",
        metavar="PATH",
        type=lambda path: Path(path).expanduser().absolute(),
        help="write what is published as an HTML page; runs nothing",
    )
    what.add_argument(
        "--status",
        action="store_true",
        help="how things stand: the last run, how fresh the data are, gaps; runs nothing",
    )
    parser.add_argument("--json", action="store_true", help="with --status: for machines")
    parser.add_argument(
        "--verbose", action="store_true", help="dlt's log, and tracebacks of failures"
    )
    options = parser.parse_args(arguments)
    if options.json and not options.status:
        parser.error("--json is for --status")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    os.chdir(PROJECT)  # dlt looks for .dlt, and for files with relative paths, where it runs
    if options.verbose:
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    import console

    console.start()
    try:
        if options.status:
            return show_status(options)
        if options.report:
            return report(options)
        lines = run(options)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - failures become sentences
        watched = not (
            options.status or options.report or options.demo
        )  # by whom Slack is set up for
        return console.fail(failure, verbose=options.verbose, to_slack=watched)
    console.summary(lines)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; taking down the interpreter would cost a quarter second
