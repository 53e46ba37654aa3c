"""The pipeline's own file lost or torn, and the copies that are published."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from app.paths import Paths
from tests.conftest import Project, Serve, meeting, milliseconds
from tests.test_crash import START
from warehouse.copies import next_copy, published_copies
from warehouse.own_file import LostFileError, bring_back, file_fault, watched

DAY = 86_400_000


def write(file: Path, rows: int) -> Path:
    """A pipeline's file with rows of history."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema drift").fetchall()
        text = "select range as id, md5(range::text) as digest from range(?)"
        connection.execute(f"create table drift.history as {text}", [rows]).fetchall()
    return file


def history(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute("from drift.history order by all").fetchall()


def publish(own: Path, kept: int = 3) -> None:
    with (
        next_copy(own, own.with_name("published.duckdb"), kept=kept, mode=0o600) as copy,
        duckdb.connect(str(copy)) as connection,
    ):
        connection.execute("create schema bookings; create table bookings.x as select 1").fetchall()


def restored(own: Path) -> list[str]:
    """What is said of restoring it, from what is published beside it."""
    return bring_back(own, own.with_name("published.duckdb"), own.parent / "tmp")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A pipeline's file whose history is published."""
    file = write(tmp_path / "pipeline.duckdb", 20_000)
    publish(file)
    return file


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(50_000))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def torn_header(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"torn")


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 262_144)


def cut_to_its_header(file: Path) -> None:
    os.truncate(file, 12_288)


def write_log(file: Path) -> Path:
    """Leaves a row of history in the log beside the file, as a killed run does; the log."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown").fetchall()
        connection.execute("insert into drift.history values (20000, 'in the log')").fetchall()
    return file.with_name(f"{file.name}.wal")


def torn_log(file: Path) -> None:
    log = write_log(file)
    log.write_bytes(log.read_bytes()[:-40] + b"0" * 40)


HARMS = [garbage, empty, torn_header, cut_short, cut_to_its_header, torn_log]


@pytest.mark.parametrize("harm", HARMS)
def test_the_newest_copy_takes_the_place_of_a_file_that_cannot_be_read(
    own: Path, harm: Callable[[Path], None]
) -> None:
    before = history(own)
    for _ in range(2):  # a file that was set aside before is in nobody's way
        harm(own)
        torn = own.read_bytes()
        (line,) = restored(own)
        assert line.startswith("restored   the pipeline's own file, which ")
        assert line.endswith(" (kept as pipeline.duckdb.broken), from copy 00000001")
        assert own.with_name("pipeline.duckdb.broken").read_bytes() == torn
        assert history(own) == before
        with duckdb.connect(str(own)) as connection:  # models are no raw tables
            assert connection.execute("from duckdb_schemas() where schema_name = 'bookings'")
        assert restored(own) == []


def test_a_file_with_a_torn_block_is_set_aside_by_the_run_that_fails_and_replaced_by_the_next(
    own: Path,
) -> None:
    before = history(own)
    with own.open("r+b") as opened:
        for block in range((own.stat().st_size - 12_288) // 262_144):
            opened.seek(12_288 + block * 262_144 + 1_000)
            opened.write(b"torn" * 50)
    with pytest.raises(LostFileError, match=r"\(kept as pipeline\.duckdb\.broken\)"), watched(own):
        raise OSError
    assert restored(own) == [
        "restored   the pipeline's own file, which was gone (kept as pipeline.duckdb.broken), from"
        " copy 00000001"
    ]
    assert history(own) == before
    with pytest.raises(OSError), watched(own):  # noqa: PT011 - the failure, as it is
        raise OSError


def test_a_look_at_the_file_reads_the_log_beside_it_and_writes_nothing(own: Path) -> None:
    log = write_log(own)
    before = own.read_bytes(), log.read_bytes()
    assert file_fault(own) == ""
    assert restored(own) == []
    assert (own.read_bytes(), log.read_bytes()) == before
    assert history(own)[-1] == (20_000, "in the log")
    torn_log(own)
    torn = own.read_bytes(), log.read_bytes()
    assert file_fault(own).startswith("could not be read")
    assert (own.read_bytes(), log.read_bytes()) == torn


def test_a_lost_file_is_not_begun_anew_where_no_copy_can_be_read(own: Path) -> None:
    (copy,) = published_copies(own.with_name("published.duckdb"))
    torn_header(copy)
    own.unlink()
    with pytest.raises(LostFileError, match=r"was gone, and there is no published copy to restore"):
        restored(own)
    assert not own.exists()
    garbage(own)
    torn = own.read_bytes()
    with pytest.raises(LostFileError, match="could not be read"):
        restored(own)
    assert own.read_bytes() == torn
    own.with_name("published.duckdb").unlink()
    own.unlink()
    with pytest.raises(LostFileError, match="was gone"):  # the link alone was moved away
        restored(own)
    shutil.rmtree(copy.parents[1])
    assert restored(own) == []  # nothing was ever published


def test_an_older_copy_serves_where_the_newest_cannot_be_read(own: Path) -> None:
    before = history(own)
    publish(own)
    newest, _ = published_copies(own.with_name("published.duckdb"))
    torn_header(newest)
    own.unlink()
    assert restored(own)[0].endswith("from copy 00000001")
    assert history(own) == before


def test_a_file_of_another_process_is_not_taken_for_broken(own: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    command = [sys.executable, "-c", script, str(own)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(duckdb.IOException, match="lock"):
            restored(own)
        asked = Paths(own.parent, own.with_name("published.duckdb"), is_demo=False)
        assert asked.find_trouble() == (True, None)
        with pytest.raises(OSError), watched(own):  # noqa: PT011
            raise OSError
        other.kill()
    assert restored(own) == []


def test_rows_written_into_a_copy_are_gone_with_the_next(own: Path) -> None:
    before = history(own)
    snapshot = own.with_name("published.duckdb")
    with duckdb.connect(str(snapshot)) as analyst:
        analyst.execute("insert into drift.history values (-1, 'mine')").fetchall()
    assert restored(own) == []
    publish(own)
    assert history(own) == history(snapshot) == before


def test_a_copy_that_was_not_finished_is_removed_and_the_last_one_stays(own: Path) -> None:
    snapshot = own.with_name("published.duckdb")
    with (
        pytest.raises(OSError, match="No space left"),
        next_copy(own, snapshot, kept=3, mode=0o600),
    ):
        raise OSError("No space left on device")
    copies = own.with_name(".published.duckdb.copies")
    assert [path.name for path in copies.iterdir()] == ["00000001"]
    shutil.copytree(copies / "00000001", copies / "next")  # a killed run's
    for _ in range(4):
        publish(own)
    assert sorted(path.name for path in copies.iterdir()) == ["00000003", "00000004", "00000005"]
    assert snapshot.resolve().parent.name == "00000005"
    publish(own, kept=1)
    assert [path.name for path in copies.iterdir()] == ["00000006"]


@pytest.mark.process
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
        link = project.folder / "warehouse.duckdb"
        copy = link.resolve().parent.name
        link.unlink()
        done = project.run()
        said = f"restored   the pipeline's own file, which was gone, from copy {copy}\n"
        assert said in done.stdout
        assert "60 in the warehouse, 0 versions of them new" in done.stdout
        assert project.tables()["drift.meeting_versions"] == before
    assert project.query("select count(*) from drift.syncs") == [(3,)]
