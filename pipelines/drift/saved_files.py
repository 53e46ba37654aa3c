"""Files of saved meetings → the records that Drift would have answered with.

A file holds saved answers (`{"data": [record, …]}`), arrays of records, or records, one after
another (so JSON Lines too); or CSV, whose header has Drift's names. Each may be packed by gzip.
A file is read whole: a thousand meetings take half a megabyte.
"""

import csv
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from .api import ATTRIBUTES, TIME_ATTRIBUTES, DriftError
from .decode import Page, decode_records
from .values import json_values, snake_case

LONGEST: Final = 1 << 24
"""Characters that a cell of CSV may have."""


class ImportFileError(DriftError):
    """A file that cannot be imported. The message names it."""

    exit_code = 2


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and those in folders by their names, hidden ones left out."""
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            walked = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
            hidden = re.compile(r"(^|[\\/])\.")
            found = [file for file in walked if not hidden.search(str(file.relative_to(path)))]
            if not found:
                raise ImportFileError(f"{path} holds no file.")
        elif path.exists():
            found = [path]
        else:
            raise ImportFileError(f"{path} is not there.")
        files |= dict.fromkeys(file.resolve() for file in sorted(found))
    return list(files)


def read_file(file: Path) -> Page:
    """The file's records, decoded as those of an answer are.

    Raises `ImportFileError` for a file that holds something else, or is cut short.
    """
    try:
        body = file.read_bytes()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        return decode_records(_records(body.decode("utf-8-sig", "replace")))
    except json.JSONDecodeError as fault:
        where = f"{fault.msg}, at character {fault.pos + 1:,}"
        raise ImportFileError(
            f"{file} cannot be imported: it is not whole JSON ({where})."
        ) from fault
    except (ValueError, csv.Error, RecursionError) as fault:
        raise ImportFileError(f"{file} cannot be imported: {fault}.") from fault
    except (OSError, EOFError, zlib.error) as fault:
        raise ImportFileError(f"{file} cannot be read: {fault}.") from fault


def _looks_like_a_meeting(record: Any) -> bool:
    return isinstance(record, dict) and not record.keys().isdisjoint(ATTRIBUTES)


def _records(text: str) -> list[Any]:
    first = text.lstrip()[:1]
    if not first:
        raise ValueError("it is empty")
    if first not in "{[":
        return list(_rows(text))
    records = [record for value in json_values(text) for record in _inner(value)]
    if records and not any(map(_looks_like_a_meeting, records)):
        raise ValueError("it holds something else than meetings")
    return records


def _inner(value: Any) -> Iterator[Any]:
    """The records of an array or of an answer, or what is there instead."""
    if isinstance(value, dict) and isinstance(value.get("data"), list) and "slug" not in value:
        value = value["data"]
    if not isinstance(value, list):
        yield value
        return
    for element in value:
        yield from _inner(element)


def _rows(text: str) -> Iterator[Any]:
    csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(reader)
    documented = {snake_case(name): name for name in ATTRIBUTES}
    if "slug" not in names:
        raise ValueError("it is neither JSON, nor CSV with the column slug")
    if len(set(names)) < len(names):
        raise ValueError("its header has a column twice")
    for name in names:
        meant = documented.get(snake_case(name.strip()) if name.strip() else "", name)
        if meant != name:
            raise ValueError(f"its column {name!r} has to be called {meant}, as Drift calls it")
    for row in reader:
        if row and len(row) != len(names):
            raise ValueError(f"line {reader.line_num:,} has {len(row)} columns, not {len(names)}")
        if row:
            yield {n: _typed(n, cell) for n, cell in zip(names, row, strict=True) if cell}


def _typed(name: str, text: str) -> str | int | bool:
    """A cell's value, as Drift would have sent it: CSV has no types."""
    if name in ATTRIBUTES and name not in TIME_ATTRIBUTES:
        return text  # an id may be text
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text
