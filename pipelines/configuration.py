"""The pipeline's own settings, read through dlt's configuration, and refused by their keys."""

import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dlt
import tomlkit
from dlt.common.configuration.exceptions import ConfigurationValueError

from drift.zones import known_zones

KNOWN_KEYS: Final = {
    "sources.drift": {
        "base_url",
        "access_token",
        "overlap_hours",
        "requests_in_flight",
    },
    "bookings": {"snapshot", "time_zone", "lock_wait_seconds", "stale_after_hours", "report"},
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
    stale_after_hours: float
    """How old the data may be before `--status` calls them stale."""
    report: Path | None
    """Where each run writes the booking report, if it does."""


def read_settings(project: Path) -> Settings:
    """The settings in force. Raises `SettingError` for the first that cannot be."""
    for name in ("config.toml", "secrets.toml"):
        _refuse_unknown_keys(project / ".dlt" / name)
    _check_source()
    zone, report = _text("bookings.time_zone", "UTC"), _text("bookings.report", "")
    if zone not in known_zones():
        raise SettingError(f"bookings.time_zone is no time zone: {zone!r}{_perhaps(zone)}.")
    return Settings(
        snapshot=project / Path(_text("bookings.snapshot", "warehouse.duckdb")).expanduser(),
        time_zone=zone,
        lock_wait_seconds=_number("bookings.lock_wait_seconds", 60.0, least=0),
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
    in_flight = _number("sources.drift.requests_in_flight", 4, least=1)
    if not in_flight.is_integer():
        raise SettingError("sources.drift.requests_in_flight must be a whole number.")
    token = _value("sources.drift.access_token", str)
    if token is not None and (not token.strip() or not token.isascii() or not token.isprintable()):
        raise SettingError("sources.drift.access_token holds no token that a header can carry.")


def _refuse_unknown_keys(file: Path) -> None:
    """A misspelt key would be passed over in silence, and its default taken."""
    if not file.exists():
        return
    try:
        tables = tomlkit.parse(file.read_text("utf-8")).unwrap()
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} is not TOML: {error}") from error
    for section, known in KNOWN_KEYS.items():
        table: Any = tables
        for part in section.split("."):
            table = table.get(part, {}) if isinstance(table, dict) else {}
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; is {section}.{near[0]} meant?" if near else "."
                raise SettingError(f"{file.name} sets {section}.{key}, which is no setting{hint}")


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
        noun = "a number" if kind is float else "text"
        raise SettingError(f"{key} must be {noun}.") from error


def _perhaps(zone: str) -> str:
    near = difflib.get_close_matches(zone, known_zones(), 1)
    return f"; perhaps {near[0]}" if near else ", such as Europe/Berlin"
