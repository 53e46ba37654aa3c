"""The words about tables: in the repository, in the database, and true."""

import re

import pytest

from dictionary import SQL, dictionary
from tests.conftest import Project, Serve, meeting

QUESTIONS = {path.stem: path for path in sorted((SQL / "questions").glob("*.sql"))}


def test_the_dictionary_in_the_repository_is_the_one_that_the_headers_make() -> None:
    assert (SQL / "README.md").read_text("utf-8") == dictionary()


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


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """Each question's answer on the demo's second day."""
    project = Project.copied_to(tmp_path_factory.mktemp("questions"))
    project.run("--demo")
    project.run("--demo")
    return {
        name: project.query(path.read_text("utf-8"), "demo.duckdb")
        for name, path in QUESTIONS.items()
    }


def test_the_questions_that_people_ask_have_answers(
    answers: dict[str, list[tuple[object, ...]]],
) -> None:
    first = {name: rows[0] for name, rows in answers.items() if rows}
    assert first["who_books_most"][1:4] == ("Agent 13 Example", "Enterprise", 132)
    assert first["which_source_cancels_most"][0] == "LINK"
    assert first["how_long_do_visitors_wait"][:2] == ("0-1 days", 365)
    assert first["what_changed_yesterday"][0] == "booked"
    assert first["can_the_numbers_be_trusted"][3:6] == (0, 5053, 0)
    assert len(answers["when_do_visitors_meet"]) > 7 * 5


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_begins_with_itself(name: str) -> None:
    assert re.match(r"-- [A-Z][^\n]*\?", QUESTIONS[name].read_text("utf-8"))
