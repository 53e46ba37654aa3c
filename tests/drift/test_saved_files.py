"""Whatever a file of saved meetings looks like, its records come out as those of an answer do."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from drift.decode import decode_page
from drift.saved_files import ImportFileError, find_files, read_file
from tests.conftest import meeting

RECORDS: list[Any] = [
    meeting(f"m{n}", meetingNotes=f'A "note", [{n}] {{ \\ ü', isRecurring=n % 2 == 0, seats=n)
    for n in range(2_300)
]
BODY = json.dumps({"data": RECORDS}).encode()


def rows(file: Path) -> list[dict[str, Any]]:
    page = read_file(file)
    assert not page.rejected
    return list(page.meetings.to_pylist())


def as_csv() -> str:
    def cell(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return '"' + text.replace('"', '""') + '"'

    names = list(RECORDS[0])
    lines = [",".join(names), *(",".join(cell(r[n]) for n in names) for r in RECORDS)]
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    "content",
    [
        BODY,
        json.dumps(RECORDS, indent=2).encode("utf-8-sig"),
        b'{"pages": {"data": [1]}, "data": ' + json.dumps(RECORDS).encode() + b', "more": null}\n',
        "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS).encode(),
        "\n\n".join(json.dumps({"data": RECORDS[n::3]}) for n in range(3)).encode(),
        json.dumps([{"data": RECORDS[:9]}, {"data": []}, {"data": RECORDS[9:]}]).encode(),
        as_csv().encode(),
        gzip.compress(BODY),
        gzip.compress(as_csv().encode("utf-8-sig")),
    ],
    ids=["answer", "array", "with more", "lines", "answers", "list", "csv", "gzip", "csv gzip"],
)
def test_each_form_holds_the_same_records(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "saved"
    file.write_bytes(content)
    expected = decode_page(BODY).meetings.to_pylist()
    assert sorted(rows(file), key=lambda row: str(row["slug"])) == sorted(
        expected, key=lambda row: str(row["slug"])
    )


def test_a_bad_record_costs_nothing_but_itself(tmp_path: Path) -> None:
    file = tmp_path / "saved.jsonl"
    file.write_bytes(
        b'{"slug": "a"}\n{"slug": 5}\n7\n{"slug": "b", "slotStart": "\xff"}\n{"slug":"c"}'
    )
    page = read_file(file)
    assert page.meetings["slug"].to_pylist() == ["a", "c"]
    assert [record.reason.split(",")[0] for record in page.rejected] == [
        "slug",
        "a meeting must be an object",
        "slotStart must be a whole number",
    ]


def test_a_cell_without_text_is_an_absent_attribute(tmp_path: Path) -> None:
    file = tmp_path / "saved.csv"
    file.write_text("slug,agentId,slotStart,status,color\nm1,7,,ACTIVE,\nm2,,1,,007\nm3,x,1,,\n")
    page = read_file(file)
    names = ("slug", "agent_id", "other_attributes")
    found = [tuple(row[name] for name in names) for row in page.meetings.to_pylist()]
    assert found == [("m1", 7, None), ("m2", None, '{"color":"007"}')]
    assert page.meetings["slot_start"].is_null().to_pylist() == [True, False]
    assert [record.slug for record in page.rejected] == ["m3"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "neither JSON, nor CSV with the column slug"),
        (BODY[:-40], "it is not whole JSON"),
        (BODY[:-1], "it is not whole JSON"),
        (BODY + b"]", "it is not whole JSON"),
        (b'[{"slug": "m1"} {"slug": "m2"}]', "it is not whole JSON"),
        (b'{"error": {"type": "rate_limit"}}', "it holds something else than meetings"),
        (b'{"data": {"meetings": [{"slug": "m1"}]}}', "it holds something else than meetings"),
        (b"[" * 200_000, "cannot be imported"),
        (gzip.compress(BODY)[:-20], "cannot be read"),
        (b"\x1f\x8b broken", "cannot be read"),
        (b"id,name\n1,x\n", "neither JSON, nor CSV with the column slug"),
        (b"slug,agent_id\nm1,7\n", "'agent_id' has to be called agentId"),
        (b"slug,slug\nm1,m1\n", "its header has a column twice"),
        (b"slug,agentId\nm1,7\nm2\n", "line 3 has 1 columns, not 2"),
        (b'slug,agentId\nm1,7\n"m2', "unexpected end of data"),
    ],
)
def test_a_file_that_is_no_such_thing_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "saved"
    file.write_bytes(content)
    with pytest.raises(ImportFileError) as refused:
        read_file(file)
    assert str(file) in str(refused.value)
    assert words in str(refused.value)


def test_files_of_folders_come_by_their_names_and_once(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/10.json", "a.json", ".DS_Store", "b/.hidden/x", "c/empty/.keep"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[]")
    found = find_files([tmp_path, tmp_path / "b" / "2.json"])
    assert [str(file.relative_to(tmp_path)) for file in found] == [
        "a.json",
        "b/10.json",
        "b/2.json",
    ]
    for wrong in (tmp_path / "nowhere", tmp_path / "c" / "empty"):
        with pytest.raises(ImportFileError, match=r"is not there|holds no file"):
            find_files([wrong])
