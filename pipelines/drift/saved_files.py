"""Files of saved meetings → the bodies that Drift would have answered with.

A file holds saved answers (`{"data": [record, …]}`), arrays of records, or records, one after
another (so JSON Lines too); or CSV, whose header has Drift's names. Each may be packed by gzip.
Files of any size are read a megabyte at a time.
"""

import csv
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from .api import ATTRIBUTES, LIMIT, TIME_ATTRIBUTES
from .decode import Page, decode_page
from .errors import BrokenAnswerError, ImportFileError
from .values import snake_case

CHUNK: Final = 1 << 20
LONGEST: Final = 1 << 24
"""Characters that a record may have. Beyond that, what is wrong is its end."""

_decoder: Final = json.JSONDecoder(parse_int=str, parse_float=str)


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


def read_file(file: Path) -> Iterator[Page]:
    """The file's records, decoded as those of an answer are, `LIMIT` at a time.

    Raises `ImportFileError` for a file that holds something else, or is cut short.
    """
    with _naming(file), file.open("rb") as raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        # What is no UTF-8 comes out again as it went in: decoding decides what it is.
        text = io.TextIOWrapper(
            gzip.GzipFile(fileobj=raw) if packed else raw,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="",
        )
        records = _records(_Scanner(text))
        while batch := list(islice(records, LIMIT)):
            body = '{"data":[' + ",".join(batch) + "]}"
            page = decode_page(body.encode("utf-8", "surrogateescape"))
            if not page.meetings.num_rows and not any(map(_looks_like_a_meeting, batch)):
                raise ValueError("it holds something else than meetings")
            yield page


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, csv.Error, BrokenAnswerError, RecursionError) as fault:
        raise ImportFileError(f"{file} cannot be imported: {fault}.") from fault
    except (OSError, EOFError, zlib.error) as fault:
        raise ImportFileError(f"{file} cannot be read: {fault}.") from fault


def _looks_like_a_meeting(record: str) -> bool:
    value = json.loads(record)
    return isinstance(value, dict) and not value.keys().isdisjoint(ATTRIBUTES)


class _Scanner:
    """A text of which one JSON value after another is taken, and little is held at once."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._held = ""
        self._passed = self._kept = self._at = 0

    def keep(self) -> None:
        """What stands before this place is needed no more."""
        self._kept = self._at

    def kept(self) -> str:
        """What was taken since `keep`."""
        return self._held[self._kept : self._at]

    def peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while self._at < len(self._held) or self._more():
            if not self._held[self._at].isspace():
                return self._held[self._at]
            self._at += 1
        return ""

    def take(self, expected: str) -> str:
        """Steps over the next character, which must be one of these."""
        found = self.peek()
        if not found or found not in expected:
            raise ValueError(self._broken(f"{' or '.join(expected)} is missing"))
        self._at += 1
        return found

    def value(self) -> Any:
        """Steps over the next value. It is returned parsed, its numbers as text."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                if len(self._held) - self._at > LONGEST or not self._more():
                    raise ValueError(self._broken(error.msg)) from error
            else:
                if end < len(self._held) or not self._more():  # else a number may go on
                    self._at = end
                    return value

    def record(self) -> bool:
        """Steps over the next object, if it is held whole and is no answer."""
        try:
            value, end = _decoder.raw_decode(self._held, self._at)
        except json.JSONDecodeError:
            return False
        if isinstance(value.get("data"), list) and "slug" not in value:
            return False
        self._at = end
        return True

    def lines(self) -> Iterator[str]:
        """The lines of all that is left."""
        *whole, last = self._held[self._at :].splitlines(keepends=True)
        yield from whole
        yield last + ("" if last.endswith("\n") else self._text.readline())
        yield from self._text

    def _more(self) -> bool:
        chunk = self._text.read(CHUNK)
        self._held = self._held[self._kept :] + chunk
        self._passed += self._kept
        self._at -= self._kept
        self._kept = 0
        return bool(chunk)

    def _broken(self, what: str) -> str:
        return f"it is not whole JSON ({what}, at character {self._passed + self._at + 1:,})"


def _records(scanner: _Scanner) -> Iterator[str]:
    """Each record's JSON text."""
    first = scanner.peek()
    if not first:
        raise ValueError("it is empty")
    return _json_records(scanner) if first in "{[" else _csv_records(scanner.lines())


def _json_records(scanner: _Scanner) -> Iterator[str]:
    while scanner.peek():
        yield from _value(scanner)


def _value(scanner: _Scanner) -> Iterator[str]:
    """The records of an array or of an answer, or what is there instead."""
    begins = scanner.peek()
    scanner.keep()
    if begins == "[":
        yield from _elements(scanner)
    elif begins == "{" and not scanner.record():
        scanner.take("{")
        names: set[str] = set()
        while scanner.peek() != "}":
            names.add(name := str(scanner.value()))
            scanner.take(":")
            if name == "data" and "slug" not in names and scanner.peek() == "[":
                yield from _elements(scanner)
                names.add("an answer")
            else:
                scanner.value()
            if scanner.peek() != "}":
                scanner.take(",")
        scanner.take("}")
        if "an answer" not in names:
            yield scanner.kept()
    else:
        if begins != "{":
            scanner.value()
        yield scanner.kept()


def _elements(scanner: _Scanner) -> Iterator[str]:
    scanner.take("[")
    while scanner.peek() != "]":
        yield from _value(scanner)
        scanner.keep()
        if scanner.peek() != "]":
            scanner.take(",")
    scanner.take("]")


def _csv_records(lines: Iterator[str]) -> Iterator[str]:
    csv.field_size_limit(LONGEST)
    reader = csv.reader(map(_readable, lines), strict=True)
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
            values = zip(names, row, strict=True)
            yield json.dumps({name: _typed(name, text) for name, text in values if text})


def _readable(line: str) -> str:
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _typed(name: str, text: str) -> str | int | bool:
    """A cell's value, as Drift would have sent it: CSV has no types."""
    if name in ATTRIBUTES and name not in TIME_ATTRIBUTES:
        return text  # an id may be text
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text
