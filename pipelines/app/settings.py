"""The pipeline's own settings, read through dlt's configuration, and refused by their keys."""

import difflib
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dlt
import tomlkit
from dlt.common.configuration.exceptions import ConfigurationValueError

from drift.privacy import MODES
from drift.zones import known_zones

KNOWN_KEYS: Final = {
    "sources.drift": {
        "base_url",
        "access_token",
        "overlap_hours",
        "requests_in_flight",
        "users",
        "teams",
        "playbooks",
        "contacts",
        "conversations",
        "contacts_per_run",
        "contact_refresh_days",
        "contact_attributes",
        "personal_data",
        "personal_data_key",
    },
    "bookings": {
        "snapshot",
        "time_zone",
        "lock_wait_seconds",
        "duckdb_memory",
        "stale_after_hours",
        "report",
    },
}
DLT_SECTIONS: Final = {
    "sources.drift": {
        *("drift", "extract", "normalize", "load", "data_writer", "schema", "runtime", "updated"),
        *("meetings", "saved_meetings", "users", "teams", "team_members", "contacts"),
        *("conversations", "playbooks"),
    },
}
"""Where dlt looks for settings of its own: the source, its steps, and its resources."""

PIPELINE_NAME: Final = "drift_bookings"
NO_SETTING: Final = "no setting"

PROGRESS: Final = ("log", "tqdm", "enlighten", "alive_progress")
"""How dlt shows progress, where it is to."""

KeyPath = tuple[str, ...]

NOUNS: Final = {
    str: "text",
    float: "a number",
    bool: "true or false",
    list: 'a list, such as ["title"]',
}
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class SettingError(Exception):
    """A setting that cannot be; the message names its key."""


@dataclass(frozen=True)
class Settings:
    """Settings of the run, beside those that dlt reads for itself."""

    snapshot: Path
    """Where analysts find the published DuckDB file."""
    time_zone: str
    """The zone in which the models count days."""
    lock_wait_seconds: float
    """How long to wait for another run to end."""
    duckdb_memory: str
    """The most that DuckDB holds in memory, as it writes sizes: `300MB`."""
    keeps_personal_data: bool
    """Whether personal data are written as they come."""
    stale_after_hours: float
    """How old the data may be before `--status` calls them stale."""
    report: Path | None
    """Where each run writes the booking report, if it does."""


def read_settings(project: Path) -> Settings:
    """The settings in force. Raises `SettingError` for the first that cannot be."""
    _refuse_unknown_keys(project)
    for key in ("progress", "pipelines.progress"):
        if (progress := _text(key, "log")) not in PROGRESS:
            raise SettingError(f"{key} must be one of {', '.join(PROGRESS)}, not {progress!r}.")
    _check_source()
    zone, report = _text("bookings.time_zone", "UTC"), _text("bookings.report", "")
    if zone not in known_zones():
        raise SettingError(f"bookings.time_zone is no time zone: {zone!r}{_perhaps(zone)}.")
    memory = _text("bookings.duckdb_memory", "300MB")
    if not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", memory, re.IGNORECASE):
        raise SettingError(f"bookings.duckdb_memory must be a size such as 300MB, not {memory!r}.")
    return Settings(
        duckdb_memory=memory,
        snapshot=project / Path(_text("bookings.snapshot", "warehouse.duckdb")).expanduser(),
        time_zone=zone,
        lock_wait_seconds=_number("bookings.lock_wait_seconds", 60.0, least=0),
        keeps_personal_data=_text("sources.drift.personal_data", "keep") == "keep",
        stale_after_hours=_number("bookings.stale_after_hours", 24.0, least=0),
        report=project / Path(report).expanduser() if report else None,
    )


def _check_source() -> None:
    url = urlsplit(_text("sources.drift.base_url", "https://driftapi.com"))
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SettingError(f"sources.drift.base_url is no web address: {url.geturl()!r}.")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise SettingError(
            "sources.drift.base_url must begin with https://, since every request carries the "
            "access token; http:// is for this machine alone."
        )
    _number("sources.drift.overlap_hours", 24.0, least=0)
    for key, least in (("requests_in_flight", 1), ("contacts_per_run", 0)):
        if not _number(f"sources.drift.{key}", least, least=least).is_integer():
            raise SettingError(f"sources.drift.{key} must be a whole number.")
    _number("sources.drift.contact_refresh_days", 30.0, least=0)
    for key in ("users", "teams", "playbooks", "contacts", "conversations"):
        _value(f"sources.drift.{key}", bool)
    attributes = _value("sources.drift.contact_attributes", list) or []
    if not all(isinstance(name, str) and name for name in attributes):
        raise SettingError("sources.drift.contact_attributes must be a list of attributes' names.")
    _check_personal_data()
    token = _secret("sources.drift.access_token")
    if token is not None and (not token.strip() or not token.isascii() or not token.isprintable()):
        raise SettingError("sources.drift.access_token holds no token that a header can carry.")


def _check_personal_data() -> None:
    mode = _text("sources.drift.personal_data", "keep")
    if mode not in MODES:
        raise SettingError(f"sources.drift.personal_data must be keep, hash or drop, not {mode!r}.")
    key = _secret("sources.drift.personal_data_key")
    if mode == "hash" and not (key and key.strip()):
        raise SettingError(
            "sources.drift.personal_data is hash, which needs the secret key "
            "sources.drift.personal_data_key: without one, every address could be found by trying."
        )


def _refuse_unknown_keys(project: Path) -> None:
    """A misspelt key would be passed over in silence, and its default taken."""
    for name in ("config.toml", "secrets.toml"):
        for path in _paths(_read_toml(project / ".dlt" / name)):
            if fault := _fault(path):
                key, near = fault
                hint = f"; is {'.'.join(near)} meant?" if near else "."
                raise SettingError(f"{name} sets {'.'.join(path)}, which is {key}{hint}")
    for name in sorted(os.environ):
        path = tuple(name.lower().split("__"))
        fault = _fault(path)
        if not fault and name != name.upper() and _is_ours(path):
            fault = NO_SETTING, path  # dlt looks for capitals alone
        if fault:
            key, near = fault
            hint = f"; is {'__'.join(near).upper()} meant?" if near else "."
            raise SettingError(f"The environment sets {name}, which is {key}{hint}")


def _fault(path: KeyPath) -> tuple[str, KeyPath] | None:
    """What is wrong with a key below the pipeline's own sections, and the key that is meant."""
    if path[:1] == (PIPELINE_NAME,) and len(path) > 1:
        # dlt looks here too, once the pipeline is there; these settings are read before it is.
        return ("read without the pipeline's name", path[1:]) if _is_ours(path[1:]) else None
    for section, known in KNOWN_KEYS.items():
        parts = tuple(section.split("."))
        if path[: len(parts)] != parts or len(path) == len(parts):
            continue
        key, *below = path[len(parts) :]
        # Below a section of dlt's, what is a key is dlt's to know.
        names = DLT_SECTIONS.get(section, ()) if below else known
        if key in names:
            return None
        near = difflib.get_close_matches(key, names, 1)
        return NO_SETTING, (*parts, near[0], *below) if near else ()
    return None


def _is_ours(path: KeyPath) -> bool:
    return any(
        path == (*section.split("."), key) for section in KNOWN_KEYS for key in KNOWN_KEYS[section]
    )


def _paths(table: Mapping[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    """The key of each value, however deep."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))
        else:
            yield (*above, key)


def _read_toml(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        return {}
    try:
        return tomlkit.parse(file.read_text("utf-8")).unwrap()
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} is not TOML: {error}") from error


def _text(key: str, default: str) -> str:
    value = _value(key, str)
    return default if value is None else str(value)


def _number(key: str, default: float, *, least: float) -> float:
    value = _value(key, float)
    number = float(default if value is None else value)
    if not math.isfinite(number) or number < least:
        raise SettingError(f"{key} must be {least:g} or more, not {number:g}.")
    return number


def _value(key: str, kind: type) -> Any:
    try:
        return dlt.secrets.get(key, kind)
    except (ConfigurationValueError, ValueError) as error:
        raise SettingError(f"{key} must be {NOUNS[kind]}.") from error


def _secret(key: str) -> str | None:
    # Without a type: dlt writes into its trace what it was asked for as a mere text.
    value: Any = dlt.secrets.get(key)
    return None if value is None else str(value)


def _perhaps(zone: str) -> str:
    near = difflib.get_close_matches(zone, known_zones(), 1)
    return f"; perhaps {near[0]}" if near else ", such as Europe/Berlin"
