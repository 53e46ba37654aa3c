"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    python pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    python pipelines/meetings.py --demo    the same, against a fake Drift: no account needed
    python pipelines/meetings.py --status  how things stand: the last run, how fresh the data are
    python pipelines/meetings.py --report bookings.html    what is published, as a page to look at
    python pipelines/meetings.py --model +booking_metrics  what one model gives, with all it needs
    python pipelines/meetings.py --import answers/         what was saved of Drift's answers, too
    python pipelines/meetings.py --apply-personal-data     what is stored, as the setting now says
    python pipelines/meetings.py --forget visitor@example.com    nothing personal of one visitor

Exit codes: 0 done, 1 failed, with nothing changed that analysts see, 2 wrong usage or settings, 3
another run is under way, 130 or 143 ended by a signal; of --status: 0 fresh, 4 stale, 5 a hole.
"""

import _signal  # type: ignore[import-not-found]  # what signal wraps: it takes no time to load

if __name__ == "__main__" and hasattr(_signal, "pthread_sigmask"):  # until they are heeded, below
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM))

import argparse
from collections.abc import Sequence
from pathlib import Path

from app import process

PROJECT = Path(__file__).resolve().parent.parent

OPTIONS = {
    "--demo": "read a fake Drift; each run moves it on a day",
    "--dry-run": "with --import: only say what it would add",
    "--json": "with --status: for machines",
    "--verbose": "dlt's log, and tracebacks of failures",
    "--accept-delisted": "believe a read that lacks many of the meetings listed before",
    "--accept-organisation": "load meetings of another organisation than those loaded before",
}
COMMANDS = {
    "--full-refresh": "read without what the last run left behind; nothing is dropped",
    "--status": "how things stand: the last run, how fresh the data are, gaps; runs nothing",
    "--apply-personal-data": "write what is stored anew, as personal_data now says; reads no Drift",
}
VALUED = {
    ("--import", "PATH"): "load saved answers (JSON, CSV, gzip), or an archive; reads no Drift",
    ("--report", "PATH"): "write what is published as an HTML page; runs nothing",
    ("--archive", "PATH"): "write all tables to a new folder, as Parquet; reads no Drift",
    ("--forget", "EMAIL_OR_CONTACT_ID"): "keep nothing personal of them; reads no Drift",
    ("--model", "[+]NAME"): "what a model gives over the published tables; after +, the raw ones",
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line asks for. Ends the process with 2 where it makes no sense."""
    title, *_, exit_codes = __doc__.split("\n\n")
    parser = argparse.ArgumentParser("meetings.py", description=title, epilog=exit_codes)
    what = parser.add_mutually_exclusive_group()
    for group, flags in ((parser, OPTIONS), (what, COMMANDS)):
        for flag, words in flags.items():
            group.add_argument(flag, action="store_true", help=words)
    for (flag, metavar), words in VALUED.items():
        dest, nargs = ("files", "+") if flag == "--import" else (None, None)
        kind = _absolute if metavar == "PATH" else str
        what.add_argument(flag, metavar=metavar, type=kind, dest=dest, nargs=nargs, help=words)
    options = parser.parse_args(arguments)
    if options.json and not options.status:
        parser.error("--json is for --status")
    if options.dry_run and not options.files:
        parser.error("--dry-run is for --import")
    return options


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def command(options: argparse.Namespace) -> tuple[list[str], int]:
    """Does what was asked; what to print, and the exit code. Imports what that alone needs."""
    demo = options.demo
    if options.status or options.report or options.model:
        from app import published

        if options.status:
            return published.status(PROJECT, demo=demo, in_json=options.json)
        if options.model:
            return published.show_model(PROJECT, options.model, demo=demo), 0
        return published.report(PROJECT, options.report, demo=demo), 0
    from app import redact, run

    if options.apply_personal_data or options.forget is not None:
        return redact.redact(PROJECT, options.forget, demo=demo), 0
    if options.archive:
        from app import archive

        return archive.archive(PROJECT, options.archive, demo=demo), 0
    if options.files:
        importing = run.dry_import if options.dry_run else run.import_files
        return importing(PROJECT, options.files, demo=demo), 0
    reading = ("full_refresh", "accept_delisted", "accept_organisation")
    return run.run(PROJECT, demo=demo, **{name: getattr(options, name) for name in reading}), 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    process.begin(PROJECT, verbose=options.verbose)
    from app import console, traces

    console.start()
    traces.start()
    try:
        lines, code = command(options)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - failures become sentences
        alone = not (options.status or options.report or options.model or options.demo)  # unwatched
        return console.fail(failure, verbose=options.verbose, to_slack=alone)
    console.summary(lines)
    return code


if __name__ == "__main__":
    process.heed_signals()
    process.leave(main())
