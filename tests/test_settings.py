"""A key that nobody reads is refused, in the files and in the environment; dlt's own are not."""

import pytest

from tests.conftest import Project, Serve, meeting


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "SOURCES__DRIFT__OVERLAP_HOUR",
            "is no setting; is SOURCES__DRIFT__OVERLAP_HOURS meant?",
        ),
        ("BOOKINGS__TIMEZONE", "is no setting; is BOOKINGS__TIME_ZONE meant?"),
        ("BOOKINGS__COLOUR", "is no setting."),
        ("BOOKINGS__REPORT__PATH", "is no setting."),
        (
            "SOURCES__DRIFT__MEETING__UPDATED__ROW_ORDER",
            "is no setting; is SOURCES__DRIFT__MEETINGS__UPDATED__ROW_ORDER meant?",
        ),
        (
            "sources__drift__overlap_hours",
            "is no setting; is SOURCES__DRIFT__OVERLAP_HOURS meant?",
        ),
        (
            "DRIFT_BOOKINGS__SOURCES__DRIFT__OVERLAP_HOURS",
            "is read without the pipeline's name; is SOURCES__DRIFT__OVERLAP_HOURS meant?",
        ),
    ],
)
def test_a_key_in_the_environment_that_nobody_reads_is_refused(
    project: Project, serve: Serve, name: str, sentence: str
) -> None:
    server = serve([meeting("m1")])
    done = project.run(code=2, **{name: "24"})
    assert done.stderr.splitlines() == [f"The environment sets {name}, which {sentence}"]
    assert server.requests == []


def test_a_section_in_a_file_that_nobody_reads_is_refused(project: Project) -> None:
    config = project.folder / ".dlt" / "config.toml"
    config.write_text(config.read_text() + "\n[sources.drift.meeting.updated]\nrow_order = 'asc'\n")
    assert project.run(code=2).stderr.splitlines() == [
        "config.toml sets sources.drift.meeting.updated.row_order, which is no setting; is "
        "sources.drift.meetings.updated.row_order meant?"
    ]


def test_what_dlt_reads_below_the_source_is_left_to_dlt(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    config = project.folder / ".dlt" / "config.toml"
    config.write_text(
        config.read_text() + "\n[sources.drift.data_writer]\ndisable_compression = true\n"
    )
    project.run(
        SOURCES__DRIFT__EXTRACT__WORKERS="2",
        SOURCES__DRIFT__MEETINGS__UPDATED__ROW_ORDER="asc",
        SOURCES__DRIFT__SCHEMA__NAMING="snake_case",
        DRIFT_BOOKINGS__SOURCES__DRIFT__EXTRACT__WORKERS="2",
        DRIFT_BOOKINGS__LOAD__WORKERS="2",
        SOURCES__HUBSPOT__OVERLAP_HOUR="1",
    )
    assert project.query("select count(*) from bookings.meetings") == [(1,)]
