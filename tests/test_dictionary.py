"""The words about tables: in the repository, in the database, and true."""

import importlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from dictionary import SQL, dictionary, sources
from tests.conftest import ROOT, Demo, Project, Serve, meeting

QUESTIONS = {path.stem: path for path in sorted((SQL / "questions").glob("*.sql"))}


def test_the_dictionary_in_the_repository_is_the_one_that_the_headers_make() -> None:
    assert (SQL / "README.md").read_text("utf-8") == dictionary()


def test_the_sources_for_dbt_are_those_that_the_headers_make() -> None:
    assert (SQL / "sources.yml").read_text("utf-8") == sources()


@pytest.mark.skipif(not find_spec("dbt"), reason="needs dbt-duckdb: .ci/run has a step for it")
def test_dbt_reads_the_sources_finds_them_fresh_and_their_keys_whole(
    project: Project, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve([meeting("m1"), meeting("m2", agentId=None)])
    project.run()
    names = project.query(
        "select table_name from information_schema.tables where table_schema = 'bookings'"
        " union all select table_name from information_schema.tables where table_schema = 'drift'"
        " and not starts_with(table_name, '_dlt')"
    )
    (tmp_path / "models").mkdir()
    shutil.copy(SQL / "sources.yml", tmp_path / "models")
    page = (ROOT / "docs" / "bi.md").read_text("utf-8")
    for name, text in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", page, flags=re.S | re.M):
        place = str(project.folder / "warehouse.duckdb")
        (tmp_path / name).write_text(text.replace("/path/to/warehouse.duckdb", place))
    monkeypatch.chdir(tmp_path)
    runner = importlib.import_module("dbt.cli.main").dbtRunner
    parsed = runner().invoke(["parse", "--quiet"])
    assert (parsed.success, len(parsed.result.sources)) == (True, len(names))

    def dbt(*command: str) -> Counter[str]:
        done = runner(manifest=parsed.result).invoke([*command, "--quiet"])
        assert done.exception is None
        return Counter(str(one.status) for one in done.result)

    assert dbt("source", "freshness") == {"pass": 1}
    tested = dbt("test", "--select", "source:*")
    assert tested == {"pass": len(parsed.result.nodes)}
    assert tested["pass"] > 50


def test_the_headers_words_are_comments_in_the_published_file(
    project: Project, serve: Serve
) -> None:
    serve([meeting("m1")])
    project.run()
    assert project.query("select comment from duckdb_tables() where table_name = 'meetings'") == [
        (
            "The meetings that were booked, each as its newest state shows it. Days are in"
            " bookings.time_zone.",
        )
    ]
    assert project.query(
        "select comment from duckdb_columns() where schema_name = 'bookings'"
        " and table_name = 'meetings' and column_name = 'duration_minutes'"
    ) == [("from start to end; null where one is absent, or the end is first",)]
    silent = project.query(
        "select table_name, column_name from duckdb_columns() where schema_name = 'bookings'"
        " and comment is null and table_name <> 'settings'"
    )
    assert silent == []


def test_the_questions_that_people_ask_have_answers_on_the_demos_second_day(demo: Demo) -> None:
    answers = {
        name: demo.project.query(path.read_text("utf-8"), "demo.duckdb")
        for name, path in QUESTIONS.items()
    }
    first = {name: rows[0] for name, rows in answers.items() if rows}
    assert first["who_books_most"][1:4] == ("Agent 13 Example", "Enterprise", 132)
    assert first["which_source_cancels_most"][0] == "LINK"
    assert first["how_long_do_visitors_wait"][:2] == ("0-1 days", 365)
    assert first["what_changed_yesterday"][0] == "booked"
    assert first["can_the_numbers_be_trusted"][3:6] == (0, 5053, 0)
    assert len(answers["when_do_visitors_meet"]) > 7 * 5


@pytest.mark.skipif(not find_spec("marimo"), reason="needs marimo: .ci/run has a step for it")
def test_the_notebook_answers_the_first_five_questions(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    notebook = shutil.copytree(ROOT / "docs", project.folder / "docs") / "questions.py"
    first = [path.read_text("utf-8").splitlines()[0][3:] for path in list(QUESTIONS.values())[:5]]

    answers = subprocess.run(
        [sys.executable, str(notebook)],
        env=project.environ(),
        cwd=project.home,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line for line in answers.splitlines() if line in first] == first
    assert answers.count("┌") == 5


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_begins_with_itself(name: str) -> None:
    assert re.match(r"-- [A-Z][^\n]*\?", QUESTIONS[name].read_text("utf-8"))
