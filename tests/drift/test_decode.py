"""Every good record of an answer is read, and a bad one costs nothing but itself."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.api import ATTRIBUTES, ID_ATTRIBUTES, TEXT_ATTRIBUTES, TIME_ATTRIBUTES
from drift.decode import Page, Rejected, decode_answer, decode_page
from drift.tables import UTC_TIME
from drift.values import BrokenAnswerError

FULL: dict[str, Any] = {
    "agentId": 2_000_001,
    "orgId": 100_001,
    "status": "ACTIVE",
    "meetingSource": "WIDGET",
    "schedulerId": 9_000_000_001,
    "eventId": "evt_1",
    "slug": "full",
    "slotStart": 1_780_300_800_001,
    "slotEnd": 1_780_302_600_000,
    "updatedAt": 1_780_000_000_000,
    "scheduledAt": 1_779_999_999_999,
    "meetingType": "New Meeting",
    "conversationId": 4_000_000_001,
    "endUserTimeZone": "Europe/Berlin",
    "meetingNotes": "Voilà 😀",
    "bookedBy": 2_000_002,
}
LOADED: dict[str, Any] = {
    "agent_id": 2_000_001,
    "org_id": 100_001,
    "scheduler_id": 9_000_000_001,
    "conversation_id": 4_000_000_001,
    "booked_by": 2_000_002,
    "slug": "full",
    "event_id": "evt_1",
    "status": "ACTIVE",
    "meeting_source": "WIDGET",
    "meeting_type": "New Meeting",
    "end_user_time_zone": "Europe/Berlin",
    "meeting_notes": "Voilà 😀",
    "slot_start": datetime(2026, 6, 1, 8, 0, 0, 1000, UTC),
    "slot_end": datetime(2026, 6, 1, 8, 30, tzinfo=UTC),
    "updated_at": datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC),
    "scheduled_at": datetime(2026, 5, 28, 20, 26, 39, 999_000, UTC),
    "other_attributes": None,
}
ABSENT = dict.fromkeys(LOADED)
COLUMNS = {
    name: UTC_TIME if name.startswith("slot_") or name.endswith("_at")
    else pa.int64() if isinstance(value, int) else pa.string()
    for name, value in LOADED.items()
}  # fmt: skip
NOT_A_MEETING = b'{"slug": "bad", "status": 1}'  # makes a page be read record by record


def body(*records: object) -> bytes:
    """An answer with these records; bytes are JSON already."""
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    return b'{"data":[' + b",".join(texts) + b"]}"


def rows(page: Page) -> list[dict[str, Any]]:
    """The records of a page, without their digests."""
    loaded: list[dict[str, Any]] = page.meetings.select(list(COLUMNS)).to_pylist()
    return loaded


def beside_a_bad_one(answer: bytes) -> Page:
    """The page of the same records, read record by record."""
    whole = answer.rstrip().removesuffix(b"}").rstrip()
    assert whole.endswith(b"]")
    comma = b"," if json.loads(answer)["data"] else b""
    return decode_page(whole.removesuffix(b"]") + comma + NOT_A_MEETING + b"]}")


# --- good records


def test_the_sixteen_attributes_land_in_columns_of_their_types() -> None:
    page = decode_page(body(FULL, {"slug": "bare"}))
    assert rows(page) == [LOADED, {**ABSENT, "slug": "bare"}]
    types = dict(zip(page.meetings.column_names, page.meetings.schema.types, strict=True))
    assert types == COLUMNS | {"content_hash": pa.int64(), "details_hash": pa.int64()}
    assert (page.rows, list(page.rejected)) == (2, [])
    assert list(page.slot_starts) == [1_780_300_800_001]


def test_nothing_found_is_a_page_without_rows_and_with_every_column() -> None:
    page = decode_page(b'{"data":[]}')
    names = [*COLUMNS, "content_hash", "details_hash"]
    assert (page.rows, sorted(page.meetings.column_names)) == (0, sorted(names))


GOOD: dict[str, bytes] = {
    "full": body(FULL, {**FULL, "slug": "b"}),
    "bare": body({"slug": "a"}),
    "none": b'{"data":[]}',
    "pretty": json.dumps({"data": [FULL, FULL]}, indent=4).encode() + b"\r\n\r\n",
    "beside other keys": b'{"more": {"a": [1]}, "paging": null, "data":[{"slug":"a"}]}',
    "explicit nulls": body(dict.fromkeys(FULL) | {"slug": "a", "nobody": None}),
    "extreme times": body({**FULL, "slotStart": -62_135_596_800_000, "slotEnd": 253402300799999}),
    "extreme ids": body({**FULL, "agentId": -(2**63), "orgId": 2**63 - 1}),
    "unknown attributes": body(
        {"slug": "a", "isPrivate": True, "x": 1, "y": 1.5, "z": "t"}, {"slug": "b", "w": 2**62}
    ),
    "unknown values of many types": body(
        *({"slug": "a", "x": x} for x in (1, 1.5, 1e16, "t", True)),
        {"slug": "a", "x": {}},
        {"slug": "a", "x": [None, {"b": 1, "a": "é"}]},
    ),
    "a long note": body({"slug": "a", "meetingNotes": "é" * 100_000}),
    "names of every kind": body({"slug": "a", "": 1, " ": 2, "😀": 3, "A b": 4, "syncId": 5}),
    "escaped names": b'{"data":[{"sl\\u0075g":"a","\\u0041":1}]}',
}


@pytest.mark.parametrize("good", GOOD)
def test_a_good_answer_is_read_alike_beside_a_bad_record(good: str) -> None:
    page, other = decode_page(GOOD[good]), beside_a_bad_one(GOOD[good])
    assert (list(page.rejected), [one.slug for one in other.rejected]) == ([], ["bad"])
    assert page.meetings == other.meetings
    assert page.undocumented == other.undocumented


attributes = st.fixed_dictionaries(
    {"slug": st.text(min_size=1).filter(lambda text: "\x00" not in text)},
    optional={
        **{name: st.integers(-(2**63), 2**63 - 1) | st.none() for name in ID_ATTRIBUTES},
        **{name: st.integers(-(10**13), 10**14) | st.none() for name in TIME_ATTRIBUTES},
        **{name: st.text() | st.none() for name in TEXT_ATTRIBUTES if name != "slug"},
    },
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.sampled_from([2**63 - 1, 2**63, 10**19, -(10**25)])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)
nested = st.recursive(
    plain, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3)
)
undocumented = st.dictionaries(st.sampled_from(["x", "isX", "is_x", "syncId", "😀"]), nested)
records = st.lists(st.builds(lambda a, b: {**b, **a}, attributes, undocumented), max_size=4)


@given(records)
def test_whatever_is_read_a_column_at_a_time_is_read_record_by_record_alike(
    drawn: list[dict[str, Any]],
) -> None:
    assert decode_page(body(*drawn)).meetings == beside_a_bad_one(body(*drawn)).meetings


@pytest.mark.parametrize(
    "number",
    [2**63, 2**64 - 1, 2**64, 12_345_678_901_234_567_891, -(2**63) - 1, -9_876_543_210_987_654_321],
)
@pytest.mark.parametrize("value", ["%d", '[{"y": %d}]'])
def test_an_undocumented_number_beyond_64_bits_keeps_all_its_digits(
    value: str, number: int
) -> None:
    sent = value % number
    page = decode_page(body(b'{"slug": "a", "x": ' + sent.encode() + b"}"))
    assert rows(page) == [
        {**ABSENT, "slug": "a", "other_attributes": '{"x":' + sent.replace(" ", "") + "}"}
    ]


def test_digits_in_texts_are_no_numbers() -> None:
    page = decode_page(body({"slug": "a", "eventId": "_9" * 20, "x": "9" * 20 + "e5"}))
    assert rows(page)[0]["other_attributes"] == '{"x":"99999999999999999999e5"}'


def test_undocumented_attributes_are_json_with_drifts_names_in_order() -> None:
    sent = {
        "slug": "a",
        "z": {"b": 1, "a": None},
        "isPrivate": True,
        "😀": [1.5, "é"],
        "gone": None,
    }
    page = decode_page(body(sent, {"slug": "b"}))
    assert [row["other_attributes"] for row in rows(page)] == [
        '{"isPrivate":true,"z":{"a":null,"b":1},"😀":[1.5,"é"]}',
        None,
    ]
    assert page.undocumented == {"isPrivate", "z", "😀"}


# --- digests


def digests(*records: object) -> list[tuple[int, int | None]]:
    page = decode_page(body(*records))
    pair = (page.meetings[name].to_pylist() for name in ("content_hash", "details_hash"))
    return list(zip(*pair, strict=True))


def test_a_digest_holds_all_that_was_sent_and_the_other_one_all_that_may_be_forgotten() -> None:
    ((content, details),) = digests(FULL)
    for name in ATTRIBUTES:
        ((other, other_details),) = digests({**FULL, name: None if name != "slug" else "b"})
        assert (other == content, other_details == details) == (
            (True, False) if name == "meetingNotes" else (False, True)
        )
    ((same, more),) = digests({**FULL, "isPrivate": True})
    assert (same == content, more == details) == (True, False)
    assert digests({"slug": "a"})[0][1] is None


def test_a_digest_does_not_depend_on_order_or_on_what_is_absent() -> None:
    turned = dict(reversed(FULL.items())) | {"nobody": None}
    assert digests(turned) == digests(FULL)
    assert digests({**FULL, "y": 1, "x": 2}) == digests({"x": 2, **FULL, "y": 1})


def test_equal_values_in_other_attributes_are_another_state() -> None:
    assert digests({"slug": "a", "status": "x"}) != digests({"slug": "a", "meetingType": "x"})


# --- bad records

BAD: dict[str, tuple[object, str, str | None]] = {
    "no slug": ({"status": "ACTIVE"}, "slug, the meeting's id, must be text, not absent", None),
    "slug null": ({"slug": None}, "slug, the meeting's id, must be text, not absent", None),
    "slug empty": ({"slug": ""}, "slug, the meeting's id, must be text, not empty", None),
    "slug of NUL": ({"slug": "\x00"}, "slug, the meeting's id, holds no character", ""),
    "slug a number": ({"slug": 5}, "slug, the meeting's id, must be text, not a number (5)", None),
    "status a number": (
        {"slug": "a", "status": 5}, "status must be text, not a number (5)", "a"
    ),
    "status a list": ({"slug": "a", "status": []}, "status must be text, not a list", "a"),
    "time as text": (
        {"slug": "a", "slotStart": "1780300800000"},
        "slotStart must be a whole number, not text ('1780300800000')",
        "a",
    ),
    "time a boolean": (
        {"slug": "a", "updatedAt": True},
        "updatedAt must be a whole number, not a boolean (true)",
        "a",
    ),
    "time a fraction": (
        {"slug": "a", "slotEnd": 1.5}, "slotEnd must be a whole number, not a number (1.5)", "a"
    ),
    "time too late": (
        {"slug": "a", "slotEnd": 10**18},
        "slotEnd lies outside the years 1 to 9999: 1000000000000000000",
        "a",
    ),
    "time just too late": (
        {"slug": "a", "slotEnd": 253_402_300_800_000},
        "slotEnd lies outside the years 1 to 9999: 253402300800000",
        "a",
    ),
    "time just too early": (
        {"slug": "a", "slotEnd": -62_135_596_800_001},
        "slotEnd lies outside the years 1 to 9999: -62135596800001",
        "a",
    ),
    "id too long": (
        {"slug": "a", "agentId": 10**19},
        "agentId does not fit into 64 bits: 10000000000000000000",
        "a",
    ),
    "id much too long": (
        b'{"slug": "a", "orgId": ' + b"9" * 5_000 + b"}",
        "orgId must be a whole number, not text ('" + "9" * 40 + "')",
        "a",
    ),
    "id a boolean": (
        {"slug": "a", "bookedBy": False}, "bookedBy must be a whole number, not a boolean (false)",
        "a",
    ),
    "id in words": (
        {"slug": "a", "agentId": "the new one"},
        "agentId must be a whole number, not text ('the new one')",
        "a",
    ),
    "id of dashes": (
        {"slug": "a", "agentId": "--5"}, "agentId must be a whole number, not text ('--5')", "a"
    ),
    "id an object": (
        {"slug": "a", "schedulerId": {"id": 5}},
        "schedulerId must be a whole number, not an object",
        "a",
    ),
    "a list": ([1], "a meeting must be an object, not a list", None),
    "text": ("a", "a meeting must be an object, not text ('a')", None),
    "null": (None, "a meeting must be an object, not absent", None),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_is_rejected_with_its_reason_and_its_neighbours_load(bad: str) -> None:
    record, reason, slug = BAD[bad]
    page = decode_page(body(FULL, record, {"slug": "last"}))
    assert rows(page) == [LOADED, {**ABSENT, "slug": "last"}]
    ((rejected),) = page.rejected
    assert (rejected.reason, rejected.slug or None) == (reason, slug or None)
    if not isinstance(record, bytes):
        assert json.loads(rejected.raw_json) == record
    assert page.rows == 3


def test_equal_bad_records_are_rejected_each() -> None:
    page = decode_page(body(None, {"slug": 5}, None))
    null = Rejected("null", "a meeting must be an object, not absent", None)
    number = "slug, the meeting's id, must be text, not a number (5)"
    assert list(page.rejected) == [null, Rejected('{"slug": 5}', number, None), null]


# --- odd but usable ones

ODD: dict[str, tuple[object, dict[str, Any]]] = {
    "id as text": ({"agentId": "42"}, {"agent_id": 42}),
    "negative id as text": ({"agentId": " -42 "}, {"agent_id": -42}),
    "id with a decimal point": (b'{"slug": "a", "agentId": 1.0}', {"agent_id": 1}),
    "time with a decimal point": (
        b'{"slug": "a", "slotStart": 1780300800000.0}',
        {"slot_start": datetime(2026, 6, 1, 8, tzinfo=UTC)},
    ),
    "unknown time zone": ({"endUserTimeZone": "Mars/Base"}, {"end_user_time_zone": "Mars/Base"}),
    "end before start": (
        {"slotStart": 1000, "slotEnd": 0},
        {
            "slot_start": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            "slot_end": datetime(1970, 1, 1, tzinfo=UTC),
        },
    ),
    "first and last times": (
        {"slotStart": -62_135_596_800_000, "slotEnd": 253_402_300_799_999},
        {
            "slot_start": datetime(1, 1, 1, tzinfo=UTC),
            "slot_end": datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC),
        },
    ),
    "text attribute a number": ({"eventId": 7}, {"event_id": "7"}),
    "text attribute an object": ({"meetingNotes": {"é": [1]}}, {"meeting_notes": '{"é":[1]}'}),
    "status of another kind": ({"status": "no-show"}, {"status": "no-show"}),
    "unknown text": (
        {"conferenceType": "ZOOM"}, {"other_attributes": '{"conferenceType":"ZOOM"}'}
    ),
    "unknown date": (
        {"x": "2026-06-01T08:00:00Z"}, {"other_attributes": '{"x":"2026-06-01T08:00:00Z"}'}
    ),
    "unknown object": (
        {"conferenceDetails": {"join_url": "https://x/é"}},
        {"other_attributes": '{"conferenceDetails":{"join_url":"https://x/é"}}'},
    ),
    "unknown null": ({"x": None}, {}),
    "an unknown number that is none": (
        b'{"slug": "a", "x": [1e999, NaN]}', {"other_attributes": '{"x":["1e999","NaN"]}'}
    ),
    "an unknown number of many digits": (
        b'{"slug": "a", "x": ' + b"9" * 300 + b"}",
        {"other_attributes": '{"x":"' + "9" * 300 + '"}'},
    ),
    "an unknown key twice": (
        b'{"slug": "a", "x": 1, "x": 2}', {"other_attributes": '{"x":2}'}
    ),
    "NUL in a note": ({"meetingNotes": "a\x00b"}, {"meeting_notes": "ab"}),
    "NUL in an unknown object": (
        {"x": {"y": "a\x00b"}}, {"other_attributes": '{"x":{"y":"a\\u0000b"}}'}
    ),
    "half a surrogate pair": (
        b'{"slug": "a", "meetingNotes": "a\\ud800b"}', {"meeting_notes": "a?b"}
    ),
    "no UTF-8": (b'{"slug": "a", "meetingNotes": "a\xffb"}', {"meeting_notes": "a\ufffdb"}),
    "a key twice": (b'{"slug": "a", "status": "X", "status": "ACTIVE"}', {"status": "ACTIVE"}),
    "nulls": (dict.fromkeys(FULL), {}),
    "a long note": ({"meetingNotes": "n" * 100_000}, {"meeting_notes": "n" * 100_000}),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_loads(odd: str) -> None:
    record, loaded = ODD[odd]
    sent = {**record, "slug": "a"} if isinstance(record, dict) else record
    page = decode_page(body(sent))
    assert rows(page) == [{**ABSENT, "slug": "a", **loaded}]
    assert list(page.rejected) == []


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_loads_alike_beside_a_bad_one(odd: str) -> None:
    record, loaded = ODD[odd]
    sent = {**record, "slug": "a"} if isinstance(record, dict) else record
    page = decode_page(body(sent, NOT_A_MEETING))
    assert rows(page) == [{**ABSENT, "slug": "a", **loaded}]
    assert [rejected.slug for rejected in page.rejected] == ["bad"]


def test_a_record_that_is_nested_too_deeply_is_read_rejected_or_broken_json() -> None:
    for depth in range(800, 1_100, 5):
        nested = "[" * depth + "]" * depth
        body = b'{"data":[{"slug":"a"},{"slug":"deep","new":%s}]}' % nested.encode()
        try:
            page = decode_page(body)
        except BrokenAnswerError:
            continue
        assert page.rows == 2
        assert page.meetings["slug"].to_pylist()[0] == "a"
        for rejected in page.rejected:
            assert (rejected.slug, rejected.reason) == ("deep", "nested too deeply")


def test_a_name_that_is_no_utf8_costs_nothing_else() -> None:
    page = decode_page(body(FULL | {"slug": "a"}, b'{"slug": "b", "\xff": 1}'))
    assert page.meetings["slug"].to_pylist() == ["a", "b"]
    assert page.meetings["other_attributes"].to_pylist() == [None, '{"\ufffd":1}']


def test_a_byte_order_mark_is_passed_over() -> None:
    assert rows(decode_page(b"\xef\xbb\xbf" + body(FULL))) == [LOADED]


# --- bodies that are no answer

BROKEN = {
    "nothing": b"",
    "blank": b" \n",
    "cut": body(FULL, FULL)[:-40],
    "without its last bracket": body(FULL)[:-1],
    "cut within a character": body(b'{"slug":"\xc3'[:-1]),
    "a list": b"[]",
    "a list of answers": b'[{"data":[]}]',
    "an empty object": b"{}",
    "data null": b'{"data": null}',
    "data an object": b'{"data": {}}',
    "data an object of meetings": b'{"data": {"a": {"slug": "a"}}}',
    "data text": b'{"data": "none"}',
    "a number": b"5",
    "an error": b'{"error":{"type":"internal_error","message":"Something broke."}}',
    "errors": b'{"errors":[{"type":"internal_error","message":"Something broke."}]}',
    "HTML": b"<html><h1>Something broke</h1></html>",
    "two answers": body({"slug": "a"}) + body({"slug": "b"}),
    "two answers on lines of their own": body({"slug": "a"}) + b"\n" + body({"slug": "b"}),
    "an answer and a part of one": body({"slug": "a"}) + b'{"da',
    "an answer and HTML": body({"slug": "a"}) + b"<html>",
    "an answer and a NUL": body({"slug": "a"}) + b"\x00",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_body_that_is_no_whole_answer_is_broken(broken: str) -> None:
    with pytest.raises(BrokenAnswerError, match=r"^the answer (is not whole JSON|has no list of)"):
        decode_page(BROKEN[broken])


@pytest.mark.parametrize(
    "expression",
    [
        "b'null'",
        """b'{"data":[{"slug":"a","x":' + b'{"a":' * 50_000 + b'1' + b'}' * 50_000 + b'}]}'""",
    ],
)
def test_a_body_that_is_no_answer_does_not_end_the_process(expression: str) -> None:
    script = f"""
from drift.values import BrokenAnswerError
from drift.decode import decode_page
try:
    decode_page({expression})
except BrokenAnswerError:
    print("broken")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2] / "pipelines",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "broken\n")


def test_an_answer_at_the_limit_is_not_decoded_further_than_its_times() -> None:
    page = decode_answer(body(*({"slug": f"m{n}", "slotStart": n} for n in range(1000))))
    assert page.meetings.column_names == ["slot_start"]
    assert (page.rows, page.slot_starts) == (1000, list(range(1000)))
    shorter = body(*[{"slug": "m", "slotStart": 1}] * 999)
    assert decode_answer(shorter).meetings == decode_page(shorter).meetings
