"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    python pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    python pipelines/meetings.py --demo    the same, against a fake Drift: no account needed
    python pipelines/meetings.py --status  how things stand: the last run, how fresh the data are
    python pipelines/meetings.py --report bookings.html    what is published, as a page to look at
    python pipelines/meetings.py --model +booking_metrics  what one model gives, with all it needs
    python pipelines/meetings.py --import answers/         what was saved of Drift's answers, too
    python pipelines/meetings.py --apply-personal-data     what is stored, as the setting now says

Exit codes: 0 done, 1 the run failed and changed nothing that analysts see, 2 wrong usage or
configuration, 3 another run is under way; of --status: 0 fresh, 4 stale, 5 a hole.
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

    from dlt import Pipeline

    from app.console import Steps

PROJECT = Path(__file__).resolve().parent.parent


def run(options: argparse.Namespace) -> list[str]:  # noqa: PLR0915 - a third are imports
    """One run, from Drift or from files to the file that analysts open; its summary."""
    from app.console import Steps
    from app.last_run import recorded
    from app.paths import Paths
    from app.settings import read_settings
    from app.summary import summarize
    from drift import drift_source, is_waiting
    from drift import summary as related_lines
    from warehouse.build import build
    from warehouse.comments import describe_raw
    from warehouse.destination import RAW_STAGING, destination_label, duckdb_file, kept_open
    from warehouse.lease import run_lease
    from warehouse.lock import run_lock
    from warehouse.recovery import finish_interrupted
    from warehouse.snapshot import check_snapshot, publish

    gc.freeze()
    gc.enable()
    settings, steps = read_settings(PROJECT), Steps()
    paths = Paths.of(PROJECT, settings, demo=options.demo)
    wait = settings.lock_wait_seconds
    with ExitStack() as held:
        held.enter_context(run_lock(paths.lock, wait_seconds=wait))
        if not options.files:
            held.enter_context(recorded(paths.last_run))
        if not (options.files or options.demo):  # a missing token is said before anything is made
            source = drift_source(full_refresh=options.full_refresh)
        pipeline = paths.open()
        if database := duckdb_file(pipeline):
            check_snapshot(paths.snapshot, database)
        else:
            held.enter_context(run_lease(pipeline, paths.folder, wait_seconds=wait))
        if report_to := None if options.demo else settings.report:
            from report import check_report, write_report

            check_report(report_to)
        with kept_open(database, settings.duckdb_memory):
            finish_interrupted(pipeline)
            if options.files:
                imported, related = _import(pipeline, options.files, steps), []
            else:
                if options.demo:
                    from app.demo import demo_source

                    asked = demo_source(pipeline, full_refresh=options.full_refresh)
                    source = held.enter_context(asked)
                lists = source.with_resources("meetings", "users", "teams", "playbooks")
                by_id = source.with_resources("contacts", "conversations")
                with steps.step("sync"):
                    pipeline.run(lists)
                with steps.step("contacts"):
                    if is_waiting(pipeline, full_refresh=options.full_refresh):
                        pipeline.run(by_id)
                imported, related = [], related_lines(lists, by_id)
            with steps.step("models and checks"):
                describe_raw(pipeline)
                built = build(pipeline, PROJECT / "sql", {"time_zone": settings.time_zone})
            lines = summarize(pipeline, built, related, imported)
        if database:
            with steps.step("snapshot"):
                publish(database, paths.snapshot, without=[RAW_STAGING])
        if report_to:
            with steps.step("report"), paths.published() as ask:
                write_report(ask, PROJECT / "sql", report_to)
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in steps.seconds.items())
        where = str(paths.snapshot) if database else destination_label(pipeline)
        return [*lines, "", f"took       {took}", f"database   {where}"]


def _import(pipeline: Pipeline, files: Sequence[Path], steps: Steps) -> list[str]:
    """Loads saved answers; what the summary says of them."""
    from app.summary import summarize_import
    from drift.import_files import Tally, drift_import

    tally = Tally()
    with steps.step("import"):
        pipeline.run(drift_import(files, tally))
    return summarize_import(tally, len(files))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="meetings.py",
        description="Drift's booked meetings into the warehouse, and the booking metrics derived.",
        epilog="Exit codes: 0 done, 1 the run failed, 2 wrong usage or configuration, "
        "3 another run is under way; of --status: 0 fresh, 4 stale, 5 a hole.",
    )
    parser.add_argument(
        "--demo", action="store_true", help="read a fake Drift; each run moves it on a day"
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
    what.add_argument(
        "--model",
        metavar="[+]NAME",
        help="show what a model's file gives over the published tables; with a + before its name,"
        " over the raw tables, with all that it needs; writes nothing",
    )
    what.add_argument(
        "--apply-personal-data",
        action="store_true",
        help="write what is stored anew, as sources.drift.personal_data now says; reads no Drift",
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
    # Imports leave tens of thousands of objects that stay: the collector need not look at them.
    gc.disable()
    if sys.platform == "linux":  # where Arrow has it: its first choice keeps some 70 MB more
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    os.chdir(PROJECT)  # dlt looks for .dlt, and for files with relative paths, where it runs
    if options.verbose:
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    from app import console, traces

    console.start()
    traces.start()
    try:
        if options.status:
            from app.commands import status

            return status(PROJECT, demo=options.demo, in_json=options.json)
        if options.report:
            from app.commands import report

            return report(PROJECT, options.report, demo=options.demo)
        if options.model:
            from app.commands import show_model

            return show_model(PROJECT, options.model, demo=options.demo)
        if options.files:
            from drift.saved_files import find_files

            options.files = find_files(options.files)
        if options.apply_personal_data:
            from app.redact import rewrite

            lines = rewrite(PROJECT, demo=options.demo)
        elif options.dry_run:
            from app.commands import dry_import

            lines = dry_import(PROJECT, options.files, demo=options.demo)
        else:
            lines = run(options)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - failures become sentences
        # Slack hears of what nobody watches.
        alone = not (options.status or options.report or options.model or options.demo)
        return console.fail(failure, verbose=options.verbose, to_slack=alone)
    console.summary(lines)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; taking down the interpreter would cost a quarter second
