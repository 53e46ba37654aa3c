"""The benchmark finds what one program landed otherwise than another."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.benchmark import BY_HAND, DLT, Run, Verdict, Work, changed, difference
from tests.benchmark import verdicts_on_requests as on_requests
from tests.synthetic import synthetic_meetings

ALIKE = "('a', 1, 'ACTIVE'), ('b', 2, null)"


def landed(folder: Path, by_hand: str, by_dlt: str) -> dict[str, Path]:
    files = {BY_HAND: folder / "by_hand.duckdb", DLT: folder / "dlt.duckdb"}
    with duckdb.connect(str(files[BY_HAND])) as connection:
        connection.execute(
            "create table meetings as select slug, epoch_ms(ms) as updatedAt, status"
            f" from (values {by_hand}) as rows(slug, ms, status)"
        ).fetchall()
    with duckdb.connect(str(files[DLT])) as connection:
        connection.execute("create schema drift").fetchall()
        connection.execute(
            f"create table drift.meetings as from (values {by_dlt}) as m(slug, updated_at, status)"
        ).fetchall()
    return files


def test_programs_that_landed_the_same_do_not_differ(tmp_path: Path) -> None:
    assert difference(landed(tmp_path, ALIKE, ALIKE), 2) is None


@pytest.mark.parametrize(
    ("other", "rows"),
    [
        ("('a', 1, 'ACTIVE'), ('b', 3, null)", "[('b', 2, None, 3, None)]"),
        ("('a', 1, 'CANCELED'), ('b', 2, null)", "[('a', 1, 'ACTIVE', 1, 'CANCELED')]"),
        (
            "('a', 1, 'ACTIVE'), ('c', 2, null)",
            "[('b', 2, None, None, None), ('c', None, None, 2, None)]",
        ),
    ],
)
def test_a_meeting_that_landed_otherwise_is_named(tmp_path: Path, other: str, rows: str) -> None:
    assert difference(landed(tmp_path, ALIKE, other), 2) == (
        f"by hand and idiomatic dlt differ (slug, updated_at, status of each): {rows}"
    )


def test_a_missing_or_doubled_meeting_is_told_by_the_number(tmp_path: Path) -> None:
    doubled = landed(tmp_path, ALIKE, f"{ALIKE}, ('a', 1, 'ACTIVE')")
    assert difference(doubled, 2) == "idiomatic dlt landed 3 of 2 meetings."
    assert difference(doubled, 3) == "by hand landed 2 of 3 meetings."


def test_a_tenth_of_the_meetings_is_changed_after_the_first_reads() -> None:
    since = datetime.now(UTC) - timedelta(seconds=10)
    before = synthetic_meetings(1_000, "peak", since)
    after = changed(before, since)
    assert [meeting["slug"] for meeting in after] == [meeting["slug"] for meeting in before]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(moved) == 100
    assert all(int(str(meeting["updatedAt"])) > since.timestamp() * 1000 for meeting in moved)
    starts = {meeting["slotStart"] for meeting in before}
    assert {meeting["slotStart"] for meeting in after} <= starts


def test_a_later_run_may_make_15_percent_more_requests_than_the_fewest_and_2() -> None:
    work = Work(100_000)
    runs = {
        (work, "cold", "ours"): [Run(1, 1, 1, 242)],
        (work, "cold", "by hand"): [Run(1, 1, 1, 239)],
        (work, "again", "ours"): [Run(1, 1, 1, 110), Run(1, 1, 1, 117)],
        (work, "10 % changed", "ours"): [Run(1, 1, 1, 118)],
    }
    assert list(on_requests(runs, [work])) == [
        Verdict(work, "requests, cold: as bisection, and 2 for the cap", 242, 241),
        Verdict(work, "requests, again", 117, 117),
        Verdict(work, "requests, 10 % changed", 118, 117),
    ]
    assert [verdict.met for verdict in on_requests(runs, [work])] == [False, True, False]
