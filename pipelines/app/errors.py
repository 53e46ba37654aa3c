"""Failures as sentences: what the person who runs the pipeline reads instead of a traceback."""

from collections.abc import Iterator, Sequence
from typing import Final

import dlt
import duckdb
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
    InvalidNativeValue,
    LookupTrace,
    LookupTraces,
)
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseException, DestinationConnectionError

from app.process import INTERRUPTED
from warehouse.errors import words_of

ENVIRONMENT: Final = EnvironProvider().name
FAILED, USAGE, BY_CTRL_C = 1, 2, 130

NO_ACCESS = (
    "There is no access token: set SOURCES__DRIFT__ACCESS_TOKEN, or sources.drift.access_token in "
    ".dlt/secrets.toml; or try the pipeline without an account: "
    "python pipelines/meetings.py --demo"
)


def explain(failure: BaseException) -> tuple[str, int]:
    """One sentence, or a few, and the exit code."""
    if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(failure)):  # on Windows
        return INTERRUPTED, BY_CTRL_C
    for cause in _causes(failure):
        code = getattr(cause, "exit_code", None)
        if isinstance(code, int):  # the project's own, whichever package it is of
            return str(cause), code
        match cause:
            case ConfigFieldMissingException():
                if "access_token" in cause.fields:
                    return NO_ACCESS, USAGE
                return _missing(cause), USAGE
            case ConfigValueCannotBeCoercedException():
                return f"The setting {cause.field_name} has a value of the wrong type.", USAGE
            case MissingDependencyException():
                needed = " ".join(f"'{package}'" for package in cause.dependencies)
                return f"{cause.caller} needs what is not installed: pip install {needed}", USAGE
            case DestinationConnectionError():
                return f"The destination cannot be reached: {words_of(cause.inner_exc)}", FAILED
            case InvalidNativeValue():
                return (
                    "destination.warehouse.credentials "
                    "(DESTINATION__WAREHOUSE__CREDENTIALS) is no value that dlt "
                    f"reads as {cause.spec.__name__}.",
                    USAGE,
                )
            case ConfigurationException():
                return f"The configuration cannot be used: {words_of(cause)}", USAGE
            case DatabaseException():
                return f"The destination failed: {words_of(cause.dbapi_exception)}", FAILED
            case duckdb.Error() | OSError():
                return f"The run failed: {words_of(cause)}", FAILED
            case Exception() if type(cause).__module__.startswith("google.auth"):
                return f"The destination refuses the credentials: {cause.args[0]}", FAILED
            case Exception() if type(cause).__module__.startswith("google."):
                return f"The destination failed: {words_of(cause)}", FAILED
            case Exception() if type(cause).__name__ == "OperationalError":  # as PEP 249 names it
                return f"The destination cannot be reached: {words_of(cause)}", FAILED
    *_, innermost = _causes(failure)
    name = type(innermost).__name__
    if not keeps_personal_data():  # what nobody foresaw may quote a record
        return f"The run failed: {name}.", FAILED
    return f"The run failed: {name}: {words_of(innermost)}", FAILED


def _missing(cause: ConfigFieldMissingException) -> str:
    """Names the whole key of each missing setting, as TOML and as the environment have it."""
    keys = [key for field in cause.fields for key in _keys(cause.traces[field])]
    if not keys:
        return f"A setting is missing: {', '.join(cause.fields)}."
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


def keeps_personal_data() -> bool:
    """Whether what is said may quote what Drift sent."""
    return (dlt.config.get("sources.drift.personal_data", str) or "keep") == "keep"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = failure
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
