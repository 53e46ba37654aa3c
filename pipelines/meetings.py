"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    python pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    python pipelines/meetings.py --demo    the same, against a stand-in for Drift: no account
    python pipelines/meetings.py --report bookings.html    what is published, as a page to look at
    python pipelines/meetings.py --import answers/         what was saved of Drift's answers, too
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

    from dlt import Pipeline
    from dlt.extract.source import DltSource

    from configuration import Settings
    from drift import Tally
    from warehouse.reading import Ask

PROJECT = Path(__file__).resolve().parent.parent
VAR = PROJECT / ".dlt" / ".var"


def run(options: argparse.Namespace) -> list[str]:
    """One run, from Drift or from files to the file that analysts open; its summary."""
    from configuration import read_settings
    from console import Steps
    from drift import Tally
    from last_run import recorded
    from report import check_report, write_report
    from summary import summarize, summarize_import
    from warehouse.destination import RAW_STAGING, duckdb_file, kept_open, place_of
    from warehouse.interrupted import finish_interrupted
    from warehouse.lease import run_lease
    from warehouse.lock import run_lock
    from warehouse.models import build
    from warehouse.snapshot import check_place, publish

    settings, steps, tally = read_settings(PROJECT), Steps(), Tally()
    var, snapshot = _places(options, settings)
    with ExitStack() as held:
        held.enter_context(run_lock(var / "lock", wait_seconds=settings.lock_wait_seconds))
        if not options.files:
            held.enter_context(recorded(var / "last_run.json"))
        source = _source(options, tally)
        pipeline = _pipeline(options, var)
        if database := duckdb_file(pipeline):
            check_place(snapshot, database)
        else:
            held.enter_context(run_lease(pipeline, var, wait_seconds=settings.lock_wait_seconds))
        report_to = None if options.demo else settings.report
        if report_to:
            check_report(report_to)
        with kept_open(database):
            finish_interrupted(pipeline)
            if source is None:
                from demo import demo_source

                asked = demo_source(pipeline, full_refresh=options.full_refresh)
                source = held.enter_context(asked)
            with steps.step("import" if options.files else "sync"):
                pipeline.run(source)
            with steps.step("models and checks"):
                built = build(pipeline, PROJECT / "sql", {"time_zone": settings.time_zone})
            imported = summarize_import(tally, len(options.files)) if options.files else []
            lines = summarize(pipeline, built, imported)
        if database:
            with steps.step("snapshot"):
                publish(database, snapshot, without=[RAW_STAGING])
        if report_to:
            with steps.step("report"), _published(options, settings) as ask:
                write_report(ask, PROJECT / "sql", report_to)
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in steps.seconds.items())
        place = str(snapshot) if database else place_of(pipeline)
        return [*lines, "", f"took       {took}", f"database   {place}"]


def _source(options: argparse.Namespace, tally: Tally) -> DltSource | None:
    """What is to be read, before anything is made where there is no token; the demo asks later."""
    from drift import drift_source, saved_source

    if options.files:
        return saved_source(options.files, tally)
    return None if options.demo else drift_source(full_refresh=options.full_refresh)


def _pipeline(options: argparse.Namespace, var: Path) -> Pipeline:
    from warehouse.destination import open_demo, open_warehouse

    opened = open_demo if options.demo else open_warehouse
    return opened(var / "pipeline.duckdb", var / "pipelines")


def dry_import(options: argparse.Namespace) -> list[str]:
    """What an import would add; nothing is written."""
    from configuration import read_settings
    from drift import Tally, saved_versions
    from summary import summarize_import
    from warehouse.lock import run_lock

    settings, tally = read_settings(PROJECT), Tally()
    var, _ = _places(options, settings)
    with run_lock(var / "lock", wait_seconds=settings.lock_wait_seconds):
        _pipeline(options, var)
        for _ in saved_versions(options.files, tally):
            pass
    return summarize_import(tally, len(options.files), is_dry_run=True)


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
    from status import LEASED, as_json, as_text, find_status
    from warehouse.lock import is_held

    settings = read_settings(PROJECT)
    var, _ = _places(options, settings)
    with _published(options, settings) as ask:
        clock = ask("select newest_sync_at from bookings.data_health") if options.demo else []
        status = find_status(
            ask,
            read_record(var / "last_run.json"),
            run_under_way=is_held(var / "lock") or bool(ask(LEASED)),
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
        "--import",
        dest="files",
        metavar="PATH",
        nargs="+",
        type=lambda path: Path(path).expanduser().absolute(),
        help="load saved answers, JSON Lines or CSV with Drift's names, gzip of these, folders of"
        " them; nothing is read from Drift",
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
    parser.add_argument(
        "--dry-run", action="store_true", help="with --import: only say what it would add"
    )
    parser.add_argument("--json", action="store_true", help="with --status: for machines")
    parser.add_argument(
        "--verbose", action="store_true", help="dlt's log, and tracebacks of failures"
    )
    options = parser.parse_args(arguments)
    if options.json and not options.status:
        parser.error("--json is for --status")
    if options.dry_run and not options.files:
        parser.error("--dry-run is for --import")
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
        if options.files:
            from drift.saved import find_files

            options.files = find_files(options.files)
        lines = dry_import(options) if options.dry_run else run(options)
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
