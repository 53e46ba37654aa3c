"""The words about tables: in the repository, in the database, and true."""

import importlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from dictionary import SQL, dictionary, sources
from tests.conftest import ROOT, Demo, Project, Serve, meeting

QUESTIONS = {path.stem: path for path in sorted((SQL / "questions").glob("*.sql"))}


@pytest.mark.parametrize(("file", "made"), [("README.md", dictionary), ("sources.yml", sources)])
def test_what_is_written_of_the_tables_is_what_their_files_say(
    file: str, made: Callable[[], str]
) -> None:
    is_new = (SQL / file).read_text("utf-8") == made()
    assert is_new, f"sql/{file} is not what the files say: uv run pipelines/dictionary.py"


def test_the_page_begins_with_the_questions_and_every_link_has_a_heading() -> None:
    page = dictionary()
    headings = re.findall(r"^#+ (.+)$", page, flags=re.M)
    anchors = {re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") for words in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
    index = page[: page.index("```mermaid")]
    for path in QUESTIONS.values():
        words = path.read_text("utf-8").removeprefix("-- ").partition("?")[0]
        assert f"| [{words}?](#" in index


def test_the_page_names_the_dimensions_as_they_are_in_the_models() -> None:
    assert "the dimensions: `all`, `agent`, `source`, " in dictionary()


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
    may_be_empty = {
        "which_sources_are_growing",  # 56 days are not known yet
    }
    assert {name for name, rows in answers.items() if not rows} <= may_be_empty
    agents = "select count(*) from bookings.bookings_by_agent where bookings_last_28_days > 0"
    ((active,),) = demo.project.query(agents, "demo.duckdb")
    assert len(answers["who_books_most"]) == min(20, active)
    assert len(answers["when_do_visitors_meet"]) > 7 * 5


@pytest.mark.process
@pytest.mark.skipif(not find_spec("marimo"), reason="needs marimo: .ci/run has a step for it")
def test_the_notebook_answers_its_questions(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    notebook = shutil.copytree(ROOT / "docs", project.folder / "docs") / "questions.py"
    names = re.findall(r'answer\("(\w+)"\)', notebook.read_text("utf-8"))
    asked = [QUESTIONS[name].read_text("utf-8").splitlines()[0][3:] for name in names]

    answers = subprocess.run(
        [sys.executable, str(notebook)],
        env=project.environ(),
        cwd=project.home,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line for line in answers.splitlines() if line in asked] == asked
    assert answers.count("┌") == len(asked) > 0
