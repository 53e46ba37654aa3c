"""The options of the command line. A wrong one is refused before anything large is imported."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

OPTIONS: Final = {
    "--demo": "read a fake Drift, into demo.duckdb; each run moves it on a day",
    "--dry-run": "with --import: only say what it would add",
    "--json": "with --status: for machines",
    "--prometheus": "with --status: for node_exporter's textfile collector",
    "--quiet": "say nothing unless it fails",
    "--verbose": "dlt's log, and tracebacks of failures",
    "--accept-delisted": "accept a read that lacks many of the meetings listed before",
    "--accept-organisation": "load meetings of another organisation than those loaded before",
}
COMMANDS: Final = {
    "--full-refresh": "read without what the last run left behind; nothing is dropped",
    "--status": "how things stand: the last run, how fresh the data are, gaps; runs nothing",
    "--apply-personal-data": "write what is stored anew, as personal_data now says; reads no Drift",
}
VALUED: Final = {
    ("--import", "PATH"): "load saved answers (JSON, CSV, gzip), or an archive; reads no Drift",
    ("--report", "PATH"): "write what is published as an HTML page; runs nothing",
    ("--archive", "PATH"): "write all tables to a new folder, as Parquet; reads no Drift",
    ("--forget", "EMAIL_OR_CONTACT_ID"): "remove what is personal of a visitor, for good",
    ("--model", "[+]NAME"): "what a model gives over published tables; +NAME: over raw ones",
}
NEEDED: Final = {"json": "status", "prometheus": "status", "dry_run": "import"}
"""Options that mean something beside one command alone."""


def parse(arguments: Sequence[str] | None, document: str) -> argparse.Namespace:
    """What the command line asks for. Ends the process with 2 where it makes no sense.

    `document` begins with the help's title, and ends with the exit codes.
    """
    title, *_, exit_codes = document.split("\n\n")
    parser = argparse.ArgumentParser("meetings.py", description=title, epilog=exit_codes)
    what, form, how_much = (parser.add_mutually_exclusive_group() for _ in range(3))
    either = {"--json": form, "--prometheus": form, "--quiet": how_much, "--verbose": how_much}
    for flag, words in (OPTIONS | COMMANDS).items():
        group = what if flag in COMMANDS else either.get(flag, parser)
        group.add_argument(flag, action="store_true", help=words)
    for (flag, metavar), words in VALUED.items():
        nargs = "+" if flag == "--import" else None
        kind = _absolute if metavar == "PATH" else str
        what.add_argument(flag, metavar=metavar, type=kind, nargs=nargs, help=words)
    options = parser.parse_args(arguments)
    for name, command in NEEDED.items():
        if getattr(options, name) and not getattr(options, command):
            parser.error(f"--{name.replace('_', '-')} is for --{command}")
    return options


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()
