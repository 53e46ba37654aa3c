"""Keys that nobody reads, refused: their values would be passed over in silence."""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit

from warehouse.errors import SettingError

DLT_SECTIONS: Final = {
    "sources.drift": {
        *("drift", "extract", "normalize", "load", "data_writer", "schema", "runtime", "updated"),
        *("meetings", "saved_meetings", "users", "teams", "team_members", "contacts"),
        *("conversations", "conversations_by_id", "playbooks"),
    },
}
"""Where dlt looks for settings of its own: the source, its steps, and its resources."""

PIPELINE_NAME: Final = "drift_bookings"
NO_SETTING: Final = "no setting"

KeyPath = tuple[str, ...]
KnownKeys = Mapping[str, set[str]]


def refuse_unknown_keys(project: Path, known: KnownKeys) -> None:
    """Raises `SettingError` for the first key of the files or the environment that is misspelt.

    `known` has the keys of each section that is the project's own.
    """
    for name in ("config.toml", "secrets.toml"):
        for path in _paths(_read_toml(project / ".dlt" / name)):
            if fault := _fault(path, known):
                key, near = fault
                hint = f"; is {'.'.join(near)} meant?" if near else "."
                raise SettingError(f"{name} sets {'.'.join(path)}, which is {key}{hint}")
    for name in sorted(os.environ):
        path = tuple(name.lower().split("__"))
        fault = _fault(path, known)
        if not fault and name != name.upper() and _is_ours(path, known):
            fault = NO_SETTING, path  # dlt looks for capitals alone
        if fault:
            key, near = fault
            hint = f"; is {'__'.join(near).upper()} meant?" if near else "."
            raise SettingError(f"The environment sets {name}, which is {key}{hint}")


def _fault(path: KeyPath, known: KnownKeys) -> tuple[str, KeyPath] | None:
    """What is wrong with a key below the pipeline's own sections, and the key that is meant."""
    if path[:1] == (PIPELINE_NAME,) and len(path) > 1:
        # dlt looks here too, once the pipeline is there; these settings are read before it is.
        return ("read without the pipeline's name", path[1:]) if _is_ours(path[1:], known) else None
    for section, keys in known.items():
        parts = tuple(section.split("."))
        if path[: len(parts)] != parts or len(path) == len(parts):
            continue
        key, *below = path[len(parts) :]
        # Below a section of dlt's, what is a key is dlt's to know.
        names = DLT_SECTIONS.get(section, ()) if below else keys
        if key in names:
            return None
        near = difflib.get_close_matches(key, names, 1)
        return NO_SETTING, (*parts, near[0], *below) if near else ()
    return None


def _is_ours(path: KeyPath, known: KnownKeys) -> bool:
    return any(path == (*section.split("."), key) for section in known for key in known[section])


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
