"""Files of the pipeline that are lost, torn or empty, and what the next run makes of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Project, Serve, meeting, milliseconds
from tests.test_crash import START
from warehouse.restore import LostFileError, note_published, restore
from warehouse.snapshot import publish, published_copies

DAY = 86_400_000
KEYS = {"history": [["id", "read"], ["id", "digest"]], "people": [["id"]]}


def write(file: Path, *rows: tuple[int, str, str], loads: str = "1") -> Path:
    """A pipeline's file with rows of history, and a person for each."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema if not exists drift").fetchall()
        for table in ("history (id int, read text, digest text)", "people (id int, name text)"):
            connection.execute(f"create table if not exists drift.{table}").fetchall()
        connection.execute("create table if not exists drift._dlt_loads (load_id text)").fetchall()
        connection.execute("insert into drift._dlt_loads values (?)", [loads]).fetchall()
        for row in rows:
            connection.execute("insert into drift.history values (?, ?, ?)", row).fetchall()
            person = (row[0], f"{row[0]}")
            connection.execute("insert into drift.people values (?, ?)", person).fetchall()
    return file


def history(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute("from drift.history order by all").fetchall()


def restored(file: Path) -> list[str]:
    """What is said of restoring it, from what is published beside it."""
    return restore(file, file.with_name("published.duckdb"), KEYS, file.parent)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A pipeline's file whose history is published."""
    rows = [(number, "r1", f"d{number}") for number in range(20_000)]
    file = write(tmp_path / "pipeline.duckdb", *rows[:3])
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "insert into drift.history select range, 'r1', 'd' || md5(range::text)"
            " from range(3, 20000)"
        ).fetchall()
    publish(file, tmp_path / "published.duckdb")
    return file


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(50_000))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def torn_header(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"torn")


def torn_blocks(file: Path) -> None:
    with file.open("r+b") as opened:
        for block in range((file.stat().st_size - 12_288) // 262_144):
            opened.seek(12_288 + block * 262_144 + 1_000)
            opened.write(b"torn" * 50)


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def torn_log(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown").fetchall()
        connection.execute("create table x as select 1 as y").fetchall()
    log = file.with_name(f"{file.name}.wal")
    log.write_bytes(log.read_bytes()[:-40] + b"0" * 40)


HARMS = [garbage, empty, torn_header, torn_blocks, cut_short, torn_log]


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_cannot_be_read_is_kept_aside_and_restored(
    own: Path, harm: Callable[[Path], None]
) -> None:
    before = history(own)
    note_published(own, own.with_name("published.duckdb"))
    harm(own)
    torn = own.read_bytes()
    (line,) = restored(own)
    reason = "was empty" if harm is empty else "could not be read: "
    assert line.startswith(f"restored   the pipeline's own file, which {reason}")
    assert line.endswith(" (kept as pipeline.duckdb.broken-1), from copy 00000001")
    assert own.with_name("pipeline.duckdb.broken-1").read_bytes() == torn
    assert history(own) == before
    assert restored(own) == []
    harm(own)
    restored(own)
    assert own.with_name("pipeline.duckdb.broken-2").exists()


def test_files_that_nobody_has_touched_since_a_good_run_are_not_read(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_published(own, own.with_name("published.duckdb"))
    with monkeypatch.context() as patched:
        patched.setattr("warehouse.restore.connect", None)
        assert restored(own) == []
        with pytest.raises(TypeError):  # that run has not said yet how it ended
            restored(own)
    assert restored(own) == []


@pytest.mark.parametrize("harm", [garbage, empty])
def test_a_torn_note_is_no_note(own: Path, harm: Callable[[Path], None]) -> None:
    note_published(own, own.with_name("published.duckdb"))
    harm(own.with_name(f"{own.name}.published"))
    torn_header(own)
    assert restored(own)
    assert not own.with_name(f"{own.name}.published").exists()


def test_a_lost_file_is_not_begun_anew_where_no_copy_can_be_read(own: Path) -> None:
    (copy,) = published_copies(own.with_name("published.duckdb"))
    torn_header(copy)
    own.unlink()
    with pytest.raises(LostFileError, match=r"was gone, and there is no published copy to restore"):
        restored(own)
    assert not own.exists()
    garbage(own)
    torn = own.read_bytes()
    with pytest.raises(LostFileError, match="could not be read: "):
        restored(own)
    assert own.read_bytes() == torn
    shutil.rmtree(copy.parent)
    with pytest.raises(LostFileError, match="could not be read: "):
        restored(own)
    own.unlink()
    assert restored(own) == []
    empty(own)
    assert restored(own) == []  # as a first run leaves it that is killed at once


def test_a_file_of_another_process_is_not_taken_for_broken(own: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    command = [sys.executable, "-c", script, str(own)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(duckdb.IOException, match="lock"):
            restored(own)
        other.kill()
    assert restored(own) == []


def test_rows_that_only_older_copies_have_come_back_and_nothing_else(own: Path) -> None:
    before = history(own)
    own.unlink()
    # Begun anew, as former versions did: one state is read again, one is new.
    write(own, (0, "r2", "d0"), (99_999, "r2", "d"), loads="2")
    publish(own, own.with_name("published.duckdb"))
    with duckdb.connect(str(own.with_name("published.duckdb"))):  # an analyst's, for writing
        (line,) = restored(own)
    # People are told by their ids: all but the two that were read again.
    assert line == "restored   20,001 rows that only published copies had"
    (first, *others) = before
    assert history(own) == [(0, "r2", "d0"), *others, (99_999, "r2", "d")]
    assert restored(own) == []
    assert first == (0, "r1", "d0")


def test_what_was_hashed_or_dropped_does_not_come_back_from_a_copy(own: Path) -> None:
    with duckdb.connect(str(own)) as connection:
        connection.execute("update drift.history set digest = null").fetchall()
        connection.execute("delete from drift.people").fetchall()
    assert restored(own) == []


@pytest.mark.parametrize(
    "harm", ["drop table drift._dlt_loads", "alter table drift.people alter id type text"]
)
def test_a_copy_that_an_analyst_has_changed_is_passed_over(own: Path, harm: str) -> None:
    before = history(own)
    (copy,) = published_copies(own.with_name("published.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("insert into drift._dlt_loads values ('2')").fetchall()
        connection.execute("insert into drift.history values (30000, 'r3', 'd')").fetchall()
        connection.execute(harm).fetchall()
        if "people" in harm:
            connection.execute("insert into drift.people values ('x', 'x')").fetchall()
    assert restored(own) == []
    assert history(own) == before


def test_what_others_put_among_the_copies_stops_nobody(own: Path) -> None:
    snapshot = own.with_name("published.duckdb")
    (copy,) = published_copies(snapshot)
    copies = copy.parents[1]
    copy.unlink()
    copy.mkdir()
    (copies / "00000002").write_text("a file")
    (copies / "²").mkdir()
    assert restored(own) == []
    publish(own, snapshot)
    assert (snapshot.resolve().parent.name, len(history(snapshot))) == ("00000003", 20_000)


@pytest.mark.parametrize("kept", [3, 1])
def test_no_clock_says_which_copies_are_older(own: Path, kept: int) -> None:
    snapshot = own.with_name("published.duckdb")
    copies = own.with_name(".published.duckdb.copies")
    # As former versions left them, some runs with a clock a day ahead: the oldest is linked.
    for day in ("20990101T000000.000000Z", "20990102T000000.000000Z", "20990103T000000.000000Z"):
        shutil.copytree(copies / "00000001", copies / day)
    shutil.rmtree(copies / "00000001")
    snapshot.unlink()
    snapshot.symlink_to(copies / "20990101T000000.000000Z" / snapshot.name)
    write(own, (99_999, "r2", "d"))
    publish(own, snapshot, kept=kept)
    assert len(history(snapshot)) == 20_001
    names = sorted(path.name for path in copies.iterdir())
    former = ["20990101T000000.000000Z", "20990102T000000.000000Z", "20990103T000000.000000Z"]
    assert names == ["00000001"] + (former if kept == 3 else [])
    for _ in range(4):
        publish(own, snapshot, kept=3)
    assert sorted(path.name for path in copies.iterdir()) == ["00000003", "00000004", "00000005"]


def test_a_run_goes_on_from_what_was_published_where_its_own_files_are_lost(
    project: Project, serve: Serve
) -> None:
    old = [meeting(f"old{n}", slotStart=milliseconds(START) - n * DAY) for n in range(20)]
    seen = [meeting(f"m{n}") for n in range(40)]
    server = serve([*old, *seen])
    project.run()
    server.set_meetings(seen)  # the others are out of Drift's sight
    before = project.tables()["drift.meeting_versions"]
    assert len(before) == 60
    var = project.folder / ".dlt" / ".var"
    for lost in (var / "pipeline.duckdb", var):
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        copy = (project.folder / "warehouse.duckdb").resolve().parent.name
        done = project.run()
        said = f"restored   the pipeline's own file, which was gone, from copy {copy}\n"
        assert said in done.stdout
        assert "60 in the warehouse, 0 versions of them new" in done.stdout
        assert project.tables()["drift.meeting_versions"] == before
    assert project.query("select count(*) from drift.syncs") == [(3,)]
    assert project.query("select count(*) from drift.unlisted_meetings") == [(20,)]
