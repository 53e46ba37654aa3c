"""The settings: each with its default, its check, and its words below it. dlt finds the values.

A new setting is a line here, in `.dlt/config.toml` and in `docs/settings.md`; a test compares.
"""

import difflib
import math
import re
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

from app.known_keys import refuse_unknown_keys
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


def at_least(least: float) -> Check:
    def check(number: float) -> str | None:
        if math.isfinite(number) and number >= least:
            return None
        return f"must be {least:g} or more, not {number:g}"

    return check


def a_share(number: float) -> str | None:
    return None if 0 <= number <= 1 else f"must lie between 0 and 1, not {number:g}"


def one_of(*choices: str) -> Check:
    *others, last = choices
    words = f"{', '.join(others)} or {last}"
    return lambda value: None if value in choices else f"must be {words}, not {value!r}"


def a_web_address(value: str) -> str | None:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
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


def names(value: list[Any]) -> str | None:
    if all(isinstance(name, str) and name for name in value):
        return None
    return "must be a list of attributes' names"


def a_zone(value: str) -> str | None:
    # IANA's list, as the source has it: what a machine adds, such as localtime, no database knows.
    known = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    if value in known:
        return None
    near = difflib.get_close_matches(value, known, 1)
    hint = f"; perhaps {near[0]}" if near else ", such as Europe/Berlin"
    return f"is no time zone: {value!r}{hint}"


def a_size(value: str) -> str | None:
    if re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", value, re.IGNORECASE):
        return None
    return f"must be a size such as 300MB, not {value!r}"


def a_file_mode(value: str) -> str | None:
    if re.fullmatch("0?[67][0-7]{2}", value):
        return None
    return f"must be a file's mode, such as 0600 or 0640, with 6 or 7 for its owner, not {value!r}"


@configspec
class Source(BaseConfiguration):
    """`[sources.drift]`: the arguments of `drift_source`, which dlt reads for it by itself.

    Here, so that they are checked before anything is read or made, and without the source.
    """

    base_url: str = setting("https://driftapi.com", a_web_address)
    """Where Drift's API answers."""
    access_token: TSecretStrValue | None = setting(None, a_token)
    """The token. Whether there is one is the source's to say."""
    overlap_hours: float = setting(24.0, at_least(0))
    """How many hours the cursor stays behind the newest update that a run has seen."""
    requests_in_flight: int = setting(6, at_least(1))
    """Requests under way at once."""
    deadline_seconds: float = setting(3600.0, at_least(0))
    """The longest that a run asks Drift."""
    users: bool = True
    """Whether users are read."""
    teams: bool = True
    """Whether teams are read."""
    playbooks: bool = True
    """Whether playbooks are read."""
    contacts: bool = True
    """Whether contacts are read."""
    conversations: bool = True
    """Whether conversations are read."""
    contacts_seconds: float = setting(60.0, at_least(0))
    """The longest that a run spends on contacts, and on conversations read one by one."""
    contacts_per_run: int = setting(100_000, at_least(0))
    """The most contacts that one run asks for, and the most conversations read one by one."""
    contact_refresh_days: float = setting(30.0, at_least(0))
    """A contact is read again when this old, and only if a meeting of its has changed."""
    contact_attributes: list[Any] | None = setting(None, lambda value: names(value or []))
    """Attributes of contacts to keep beside the usual ones, by Drift's names."""
    personal_data: str = setting("keep", one_of("keep", "hash", "drop"))
    """What is written of people."""
    personal_data_key: TSecretStrValue | None = None
    """The key that `hash` needs."""


@configspec
class Bookings(BaseConfiguration):
    """`[bookings]`: what the run reads, beside what dlt reads for itself."""

    __section__ = "bookings"

    snapshot: str = "warehouse.duckdb"
    """Where analysts find the published DuckDB file, relative to the project."""
    snapshot_mode: str = setting("0600", a_file_mode)
    """Who may read the published DuckDB file: its mode, as chmod writes it."""
    time_zone: str = setting("UTC", a_zone)
    """The zone in which the models count days."""
    lock_wait_seconds: float = setting(60.0, at_least(0))
    """How long to wait for another run to end."""
    duckdb_memory: str = setting("500MB", a_size)
    """The most that DuckDB holds in memory, as it writes sizes."""
    stale_after_hours: float = setting(24.0, at_least(0))
    """How old the data may be before `--status` calls them stale."""
    max_delisted_share: float = setting(0.2, a_share)
    """The share of the meetings listed before that a read may lack and still be believed."""
    report: str = ""
    """Where each run writes the booking report, relative to the project; empty for none."""


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

    @property
    def keeps_personal_data(self) -> bool:
        """Whether personal data are written as they come."""
        return self.source.personal_data == "keep"


def read_settings(project: Path) -> Settings:
    """The settings in force. Raises `SettingError` for the first that cannot be."""
    refuse_unknown_keys(project, KNOWN_KEYS)
    for key in ("progress", "pipelines.progress"):  # dlt would refuse it late, and at length
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
