"""The scheduled run: Drift's booked meetings into the warehouse, and the metrics derived.

    uv run pipelines/meetings.py           one run: sync, models, checks, snapshot, summary
    uv run pipelines/meetings.py --demo    the same, against a fake Drift: no account needed
    uv run pipelines/meetings.py --status  how things stand: the last run, how fresh the data are
    uv run pipelines/meetings.py --report bookings.html    what is published, as a page to look at
    uv run pipelines/meetings.py --model +booking_metrics  what one model gives, with all it needs
    uv run pipelines/meetings.py --import answers/         what was saved of Drift's answers, too
    uv run pipelines/meetings.py --apply-personal-data     what is stored, as the setting now says
    uv run pipelines/meetings.py --forget visitor@example.com    nothing personal of one visitor

Exit codes: 0 done, 1 failed, with nothing changed that analysts see, 2 wrong usage or settings, 3
another run is under way, 130 or 143 ended by a signal; of --status: 0 fresh, 4 stale or never read,
5 a gap.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from app import process
from app.options import parse

PROJECT = Path(__file__).resolve().parent.parent


def command(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    """Does what was asked; what to print, and the exit code. Imports what that alone needs."""
    demo = options.demo
    if options.status or options.report or options.model:
        from app import published

        if options.status:
            form = "json" if options.json else "prometheus" if options.prometheus else "text"
            return published.status(PROJECT, demo=demo, form=form)
        if options.model:
            return published.show_model(PROJECT, options.model, demo=demo), 0
        return published.report(PROJECT, options.report, demo=demo), 0
    from app import personal_data, run

    if options.apply_personal_data or options.forget is not None:
        return personal_data.apply(PROJECT, options.forget, demo=demo), 0
    if options.archive:
        from app import archive

        return archive.archive(PROJECT, options.archive, demo=demo), 0
    if files := getattr(options, "import"):
        return run.import_files(PROJECT, files, demo=demo, is_dry_run=options.dry_run), 0
    reading = ("full_refresh", "accept_delisted", "accept_organisation")
    return run.run(PROJECT, demo=demo, **{name: getattr(options, name) for name in reading}), 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments, __doc__)
    process.begin(PROJECT, verbose=options.verbose)
    from app import console, traces

    console.start(quiet=options.quiet)
    traces.start()
    try:
        lines, code = command(options)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - failures become sentences
        from app.errors import explain

        sentence, code = explain(failure)
        console.say_failure(sentence, code, failure if options.verbose else None)
        alone = not (options.status or options.report or options.model or options.demo)  # unwatched
        if alone and code in (1, 2):
            from app.alarms import Alarms

            Alarms(PROJECT / ".dlt/.var/last_run.json").failed(sentence)
        return code
    console.answer(lines)
    return code


if __name__ == "__main__":
    process.heed_signals()
    process.leave(main())
