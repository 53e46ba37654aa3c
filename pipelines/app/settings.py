"""The settings: each with its default and its check. dlt finds the values.

A new setting is a line here, in `.dlt/config.toml` and, with its words, in `docs/settings.md`; a
test compares.
"""

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from warehouse.errors import SettingError

T = TypeVar("T")
Spec = TypeVar("Spec", bound=BaseConfiguration)
Check = Callable[[Any], str | None]
"""What is wrong with a value, in words that follow its key; nothing if it will do."""

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def setting(default: T, check: Check) -> T:
    """A setting whose value must be more than of the right type."""
    made: T = field(default=default, metadata={"check": check})
    return made


def within(least: float, most: float = math.inf) -> Check:
    """A number from `least` on, and up to `most`."""
    words = f"be {least:g} or more" if most == math.inf else f"lie between {least:g} and {most:g}"

    def check(number: float) -> str | None:
        is_fine = math.isfinite(number) and least <= number <= most
        return None if is_fine else f"must {words}, not {number:g}"

    return check


def like(pattern: str, words: str) -> Check:
    return lambda value: None if re.fullmatch(pattern, value) else f"must be {words}, not {value!r}"


def a_web_address(value: str) -> str | None:
    try:
        url = urlsplit(value)
        is_one = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # brackets without an address of IPv6, a port beyond 65535
        is_one = False
    if not is_one or " " in value:
        return f"is no web address: {value!r}"
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        return (
            "must begin with https://, since every request carries the access token; http:// is "
            "for this machine alone"
        )
    return None


def a_token(value: str | None) -> str | None:
    if value is None or (value.strip() and value.isascii() and value.isprintable()):
        return None
    return "holds no token that a header can carry"


def names(value: list[Any] | None) -> str | None:
    are_names = all(isinstance(name, str) and name for name in value or ())
    return None if are_names else "must be a list of attributes' names"


def a_zone(value: str) -> str | None:
    # IANA's list, as the source has it: what a machine adds, such as localtime, no database knows.
    known = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    if value in known:
        return None
    near = difflib.get_close_matches(value, known, 1)
    hint = f"; perhaps {near[0]}" if near else ", such as Europe/Berlin"
    return f"is no time zone: {value!r}{hint}"


A_SIZE: Final = r"[1-9]\d*(\.\d+)? ?[KMGTkmgt]i?[Bb]"
A_MODE: Final = "0?[67][0-7]{2}"  # its owner must be able to write it


@configspec
class Source(BaseConfiguration):
    """`[sources.drift]`: the arguments of `drift_source`, which dlt reads for it by itself.

    Here, so that they are checked before anything is read or made, and without the source.
    """

    base_url: str = setting("https://driftapi.com", a_web_address)
    access_token: TSecretStrValue | None = setting(None, a_token)
    overlap_hours: float = setting(24.0, within(0))
    requests_in_flight: int = setting(6, within(1))
    deadline_seconds: float = setting(3600.0, within(0))
    users: bool = True
    teams: bool = True
    playbooks: bool = True
    contacts: bool = True
    conversations: bool = True
    contacts_seconds: float = setting(60.0, within(0))
    contacts_per_run: int = setting(100_000, within(0))
    contact_refresh_days: float = setting(30.0, within(0))
    contact_attributes: list[Any] | None = setting(None, names)
    personal_data: str = setting("keep", like("keep|hash|drop", "keep, hash or drop"))
    personal_data_key: TSecretStrValue | None = None


@configspec
class Bookings(BaseConfiguration):
    """`[bookings]`: what the run reads, beside what dlt reads for itself."""

    __section__ = "bookings"

    snapshot: str = "warehouse.duckdb"
    snapshot_mode: str = setting("0600", like(A_MODE, "a file's mode such as 0600 or 0640"))
    time_zone: str = setting("UTC", a_zone)
    lock_wait_seconds: float = setting(60.0, within(0))
    duckdb_memory: str = setting("500MB", like(A_SIZE, "a size such as 300MB"))
    stale_after_hours: float = setting(24.0, within(0))
    max_delisted_share: float = setting(0.2, within(0, 1))
    report: str = ""


SPECS: Final[dict[str, type[BaseConfiguration]]] = {"sources.drift": Source, "bookings": Bookings}
KNOWN_KEYS: Final = {section: set(spec.get_resolvable_fields()) for section, spec in SPECS.items()}

NOUNS: Final[dict[str, str]] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list, such as ["title"]',
}
"""By the type of a setting."""

PROGRESS: Final = ("log", "tqdm", "enlighten", "alive_progress")
"""How dlt shows progress, where it is to."""


@dataclass(frozen=True)
class Settings:
    """The settings in force, checked."""

    project: Path
    source: Source
    bookings: Bookings

    @property
    def snapshot(self) -> Path:
        """Where analysts find the published DuckDB file."""
        return self.project / Path(self.bookings.snapshot).expanduser()

    @property
    def report(self) -> Path | None:
        """Where each run writes the booking report, if it does."""
        path = self.bookings.report
        return self.project / Path(path).expanduser() if path else None


def read_settings(project: Path) -> Settings:
    """The settings in force. Raises `SettingError` for the first that cannot be."""
    for section, known in KNOWN_KEYS.items():
        _refuse_unknown_keys(project, section, known)
    for key in ("progress", "pipelines.progress"):  # dlt would refuse it late, in its own words
        if (progress := dlt.config.get(key, str) or "log") not in PROGRESS:
            raise SettingError(f"{key} must be one of {', '.join(PROGRESS)}, not {progress!r}.")
    # The sections of the source are those under which dlt looks for its arguments.
    source = _read("sources.drift", Source(), ("sources", "drift"))
    if source.personal_data == "hash" and not (source.personal_data_key or "").strip():
        raise SettingError(
            "sources.drift.personal_data is hash, which needs the secret key "
            "sources.drift.personal_data_key: without one, every address could be found by trying."
        )
    return Settings(project, source, _read("bookings", Bookings()))


def _refuse_unknown_keys(project: Path, section: str, known: set[str]) -> None:
    """Raises `SettingError` for a key of a section that nobody reads: it would be passed over.

    What stands in sections below this one is dlt's to know.
    """
    for name in ("config.toml", "secrets.toml"):
        table: Any = _read_toml(project / ".dlt" / name)
        for part in section.split("."):
            table = table.get(part) if isinstance(table, dict) else None
        for key, value in table.items() if isinstance(table, dict) else ():
            if key not in known and not isinstance(value, dict):
                hint = _hint(key, known, f"{section}.".__add__)
                raise SettingError(f"{name} sets {section}.{key}, which is no setting{hint}")
    prefix = section.upper().replace(".", "__") + "__"
    for name in sorted(os.environ):
        # dlt looks for capitals alone, and under the pipeline's name once the pipeline is there.
        path = name.upper().removeprefix("DRIFT_BOOKINGS__")
        key = path.removeprefix(prefix).lower()
        is_ours = path.startswith(prefix) and "__" not in key
        if is_ours and (key not in known or name != path):
            hint = _hint(key, known, lambda near: prefix + near.upper())
            raise SettingError(f"The environment sets {name}, which is no setting{hint}")


def _hint(key: str, known: set[str], whole: Callable[[str], str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"; is {whole(near[0])} meant?" if near else "."


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} is not TOML: {error}") from error


def _read(section: str, spec: Spec, sections: tuple[str, ...] = ()) -> Spec:
    """The spec with its values. Raises `SettingError` for the first that cannot be."""
    try:
        found = resolve_configuration(spec, sections=sections)
    except ConfigValueCannotBeCoercedException as error:
        hint = spec.get_resolvable_fields()[error.field_name]
        noun = next((noun for kind, noun in NOUNS.items() if kind in str(hint)), "text")
        raise SettingError(f"{section}.{error.field_name} must be {noun}.") from error
    for one in fields(found):
        check: Check | None = one.metadata.get("check")
        if check and (fault := check(getattr(found, one.name))):
            raise SettingError(f"{section}.{one.name} {fault}.")
    return found
