"""An archive in Parquet, and a new warehouse that goes on from it."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.archive import archive
from drift.import_files import find_archive
from drift.saved_files import ImportFileError
from tests.conftest import ROOT, Project
from tests.hostile import HostileDrift
from tests.test_crash import organisation, people
from warehouse.errors import SettingError

pytestmark = pytest.mark.process

Tables = dict[str, list[tuple[Any, ...]]]


def reading(server: HostileDrift) -> dict[str, str]:
    """The settings with which all of a server's records are read."""
    return {
        "SOURCES__DRIFT__BASE_URL": server.url,
        "SOURCES__DRIFT__ACCESS_TOKEN": server.token,
        "SOURCES__DRIFT__CONVERSATIONS": "true",
        "SOURCES__DRIFT__CONTACT_ATTRIBUTES": '["shoe"]',
    }


def everything(project: Project) -> Tables:
    """Every row of every raw table and mart, without what dlt adds."""
    names = project.query(
        "select table_schema, table_name, string_agg(column_name, ', ' order by ordinal_position)"
        " from information_schema.columns where table_schema in ('drift', 'bookings')"
        " and not starts_with(table_name, '_dlt') and not starts_with(column_name, '_dlt')"
        " group by all order by all"
    )
    tables = project.queries({f"{s}/{t}": f'select {c} from "{s}"."{t}"' for s, t, c in names})
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


@pytest.fixture(scope="module")
def server() -> Iterator[HostileDrift]:
    with HostileDrift(organisation(1), people=people(1), serves_unscheduled=True) as server:
        yield server


@pytest.fixture(scope="module")
def old(server: HostileDrift, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run on two days, and has an archive beside it."""
    old = Project.copied_to(tmp_path_factory.mktemp("old"))
    old.environment |= reading(server)
    old.run()
    server.set_meetings(organisation(2))
    server.people = people(2)
    old.run()
    old.run("--forget", "visitor-1@example.com")
    del old.environment["SOURCES__DRIFT__ACCESS_TOKEN"]
    old.environment["SOURCES__DRIFT__BASE_URL"] = "http://127.0.0.1:9"  # nobody
    (old.home / "archive").mkdir(mode=0o755)  # empty, so it may be there
    shutil.copytree(old.folder / "sql", old.home / ".archive.begun")  # as a killed one leaves it
    done = old.run("--archive", "archive", cwd=old.home)
    rows = sum(map(len, everything(old).values()))
    assert done.stdout.splitlines()[0] == f"archived   {rows:,} rows in {old.home / 'archive'}"
    return old


def test_a_new_warehouse_has_the_tables_of_the_archive_and_goes_on_from_them(
    old: Project, project: Project, server: HostileDrift
) -> None:
    saved, expected = old.home / "archive", everything(old)
    assert {path.parent.name for path in saved.rglob("*.parquet")} == {"drift", "bookings"}
    for path in (saved, *saved.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert [path.name for path in old.home.iterdir() if "begun" in path.name] == []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'").fetchall()
        for name, rows in expected.items():
            found = connection.execute(f"from '{saved / name}.parquet'").fetchall()
            assert sorted(found, key=repr) == rows, name

    project.environment |= {"SOURCES__DRIFT__BASE_URL": "http://127.0.0.1:9"}
    foretold = project.run("--import", str(saved), "--dry-run").stdout.splitlines()
    versions = len(expected["drift/meeting_versions"])
    assert foretold == [
        f"read       {versions + 2:,} records in 13 files",
        f"would add  {versions:,} versions, and with them 121 meetings that were not known;"
        " 2 records rejected",
        "known      0 records were known, or came twice",
    ]
    done = project.run("--import", str(saved)).stdout.splitlines()
    assert done[:3] == [line.replace("would add ", "added     ") for line in foretold]
    assert everything(project) == expected
    page = str(project.home / "page.html")
    for command in (["--status"], ["--model", "+booking_metrics"], ["--report", page]):
        project.run(*command)  # they need no token either
    again = project.run("--import", str(saved)).stdout.splitlines()
    assert again[1].startswith("added      0 versions, and with them 0 meetings")
    assert everything(project) == expected

    project.environment |= reading(server)
    assert "121 in the warehouse, 0 versions of them new; 1 rejected" in project.run().stdout
    same = everything(project)
    assert [row for row in expected["drift/syncs"] if row in same["drift/syncs"]] == expected[
        "drift/syncs"
    ]
    for name, rows in expected.items():
        if name.startswith("drift/") and name != "drift/syncs":
            assert same[name] == rows, name

    refused = project.run("--import", str(saved), code=2).stderr.splitlines()[-1]
    assert "the warehouse holds 1 runs or imports that the archive does not" in refused
    assert everything(project) == same


def test_what_may_not_be_written_of_people_comes_from_no_archive_either(
    old: Project, project: Project, server: HostileDrift
) -> None:
    assert "visitor-" in str(everything(old))
    assert old.query("select distinct shoe from drift.contacts where not is_gone") == [("size 43",)]
    project.environment |= {
        "SOURCES__DRIFT__BASE_URL": server.url,
        "SOURCES__DRIFT__PERSONAL_DATA": "hash",
        "SOURCES__DRIFT__PERSONAL_DATA_KEY": "a key",
    }
    project.run("--import", str(old.home / "archive"))
    found = everything(project)
    assert [
        word for word in ("@example.com", "Agent ", "A note.", "size 43") if word in str(found)
    ] == []
    assert found["drift/syncs"] == everything(old)["drift/syncs"]
    done = project.run(SOURCES__DRIFT__ACCESS_TOKEN=server.token)
    assert "121 in the warehouse, 0 versions of them new; 1 rejected" in done.stdout


def test_an_archive_that_is_not_whole_is_refused_and_nothing_is_loaded(
    old: Project, project: Project, tmp_path: Path
) -> None:
    saved = tmp_path / "archive"
    shutil.copytree(old.home / "archive", saved)
    file = saved / "drift" / "conversations.parquet"
    file.rename(saved / "kept")
    with pytest.raises(ImportFileError, match=r"archive lacks drift/conversations\.parquet\.$"):
        find_archive([saved])
    (saved / "kept").rename(file)
    with file.open("r+b") as opened:
        opened.seek(30)
        opened.write(b"torn")
    done = project.run("--import", str(saved), code=2)
    assert f"{file} is no whole table of an archive: " in done.stderr.splitlines()[-1]
    assert not (project.folder / "warehouse.duckdb").exists()
    os.truncate(file, 100)
    done = project.run("--import", str(saved), "--dry-run", code=2)
    assert f"{file} is no whole table of an archive: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("there", ["a file", "a folder with a file", "no folder above it"])
def test_an_archive_is_written_to_a_new_folder_alone(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "archive"
    if there == "a file":
        folder.write_text("mine")
    elif there == "a folder with a file":
        folder.mkdir()
        (folder / "mine").write_text("mine")
    else:
        folder /= "archive"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingError, match="cannot become an archive") as refused:
        archive(ROOT, folder, demo=False)
    assert refused.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before
