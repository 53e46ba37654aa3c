"""Failures as sentences: what the person who runs the pipeline reads instead of a traceback."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    InvalidNativeValue,
    LookupTrace,
    LookupTraces,
)
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseException, DestinationConnectionError

from app.console import keeps_personal_data, presentable
from app.process import INTERRUPTED
from warehouse.errors import how_to_install, words_of

ENVIRONMENT: Final = EnvironProvider().name
FAILED, USAGE, BY_CTRL_C = 1, 2, 130

NO_ACCESS: Final = (
    "There is no access token: set SOURCES__DRIFT__ACCESS_TOKEN, or sources.drift.access_token in "
    ".dlt/secrets.toml; or try the pipeline without an account: "
    "uv run pipelines/meetings.py --demo"
)
FULL_DISK: Final = re.compile("No space left on device|Disk quota|failed to offload data block")
"""In the words of the system, and in DuckDB's for the folder of its temporary files."""


def explain(failure: BaseException) -> tuple[str, int]:
    """One sentence, or a few, and the exit code."""
    sentence, code = _explain(list(_causes(failure)))
    return presentable(sentence), code


def _explain(causes: Sequence[BaseException]) -> tuple[str, int]:
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):  # on Windows
        return INTERRUPTED, BY_CTRL_C
    for cause in causes:
        code = getattr(cause, "exit_code", None)
        if isinstance(code, int):  # the project's own, whichever package it is of
            return _of_the_machine(cause.__cause__) or str(cause), code
        match cause:
            case ConfigFieldMissingException():
                if "access_token" in cause.fields:
                    return NO_ACCESS, USAGE
                return _missing(cause), USAGE
            case MissingDependencyException():
                needed = how_to_install(cause.dependencies[0])
                return f"{cause.caller} needs what is not installed: {needed}", USAGE
            case ModuleNotFoundError():  # `pip install .` brings what the source alone needs
                return f"{cause.name} is not installed: {how_to_install('.[pipeline]')}", USAGE
            case InvalidNativeValue():
                return (
                    "destination.warehouse.credentials "
                    "(DESTINATION__WAREHOUSE__CREDENTIALS) is no value that dlt "
                    f"reads as {cause.spec.__name__}.",
                    USAGE,
                )
            case ConfigurationException():
                return f"The configuration cannot be used: {words_of(cause)}", USAGE
            case DestinationConnectionError():
                return _failed("The destination cannot be reached", cause.inner_exc), FAILED
            case DatabaseException():
                return _failed("The destination failed", cause.dbapi_exception), FAILED
            case duckdb.Error() | OSError():
                return _failed("The run failed", cause), FAILED
            case Exception() if type(cause).__module__.startswith("google.auth"):
                return f"The destination refuses the credentials: {cause.args[0]}", FAILED
            case Exception() if type(cause).__module__.startswith("google."):
                return f"The destination failed: {words_of(cause)}", FAILED
            case Exception() if type(cause).__name__ == "OperationalError":  # as PEP 249 names it
                return f"The destination cannot be reached: {words_of(cause)}", FAILED
    name = type(causes[-1]).__name__
    if not keeps_personal_data():  # what nobody foresaw may quote a record
        return f"The run failed: {name}.", FAILED
    return f"The run failed: {name}: {words_of(causes[-1])}", FAILED


def _failed(what: str, fault: BaseException) -> str:
    words = words_of(fault)
    if isinstance(fault, OSError) and fault.strerror:
        words = f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return _of_the_machine(fault) or f"{what}: {words}"


def _of_the_machine(fault: BaseException | None) -> str | None:
    """What to do about a full disk, or about a right that the user lacks."""
    if not isinstance(fault, duckdb.Error | OSError):
        return None
    words, number = str(fault), getattr(fault, "errno", None)
    quoted = re.search('"([^"]+)"', words)  # DuckDB's way to name a file
    path = getattr(fault, "filename", None) or (quoted and quoted[1])
    if number == errno.ENOSPC or FULL_DISK.search(words):
        where = f" that holds {path}" if path else ""
        return (
            f"The disk{where} is full: nothing that analysts see has changed. Make room, and run"
            " this again."
        )
    if path and (number in (errno.EACCES, errno.EPERM) or "Permission denied" in words):
        file = Path(os.fsdecode(path))
        there = next(one for one in (file, *file.parents) if os.path.lexists(one))
        return (
            f"The user {_me()} may not read or write {file}: run this as the user to whom {there}"
            f" belongs, or give {_me()} the right with chown or chmod."
        )
    return None


def _me() -> str:
    try:
        import pwd  # noqa: PLC0415 - which Windows lacks
    except ImportError:
        return os.getlogin()
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.geteuid())


def _missing(cause: ConfigFieldMissingException) -> str:
    """Names the whole key of each missing setting, as TOML and as the environment have it."""
    keys = [key for field in cause.fields for key in _keys(cause.traces[field])]
    dotted = ", ".join(key.lower().replace("__", ".") for key in keys)
    are = "is" if len(keys) == 1 else "are"
    return (
        f"{dotted} {are} missing: set {', '.join(keys)} in the environment, or the same in "
        ".dlt/secrets.toml."
    )


def _keys(traces: Sequence[LookupTrace | LookupTraces]) -> list[str]:
    """The names in the environment under which dlt looked for a setting, the most exact ones.

    Of a setting with several forms (a password, a service account), the form that was begun, else
    the setting as a whole.
    """
    forms = [trace for trace in traces if isinstance(trace, LookupTraces)]
    begun = [form for form in forms if form.resolved_fields_set]
    if begun:
        return [key for name in begun[0].traces for key in _keys(begun[0].traces[name])]
    if forms:
        inner = (_keys(inner) for form in forms for inner in form.traces.values())
        return [keys[0].rpartition("__")[0] for keys in inner if keys][:1]
    names = [t.key for t in traces if isinstance(t, LookupTrace) and t.provider == ENVIRONMENT]
    return [max(names, key=len)] if names else []


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    """The failure, and what it came from, step by step."""
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__
