"""A key that nobody reads is refused, in the files and in the environment; dlt's own are not."""

from pathlib import Path

import pytest

from app.settings import read_settings
from tests.conftest import Project, configured_by
from warehouse.errors import SettingError


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "SOURCES__DRIFT__OVERLAP_HOUR",
            "is no setting; is SOURCES__DRIFT__OVERLAP_HOURS meant?",
        ),
        ("BOOKINGS__TIMEZONE", "is no setting; is BOOKINGS__TIME_ZONE meant?"),
        ("BOOKINGS__COLOUR", "is no setting."),
        (
            "DRIFT_BOOKINGS__SOURCES__DRIFT__PERSONAL_DATA",
            "is no setting; is SOURCES__DRIFT__PERSONAL_DATA meant?",
        ),
        (
            "sources__drift__overlap_hours",
            "is no setting; is SOURCES__DRIFT__OVERLAP_HOURS meant?",
        ),
    ],
)
def test_a_key_in_the_environment_that_nobody_reads_is_refused(
    project: Project, name: str, sentence: str
) -> None:
    assert (
        project.refused(code=2, **{name: "24"}) == f"The environment sets {name}, which {sentence}"
    )


@pytest.mark.parametrize("file", ["config.toml", "secrets.toml"])
@pytest.mark.parametrize(
    ("section", "key", "sentence"),
    [
        ("sources.drift", "overlap_hour", "is sources.drift.overlap_hours meant?"),
        ("bookings", "timezone", "is bookings.time_zone meant?"),
    ],
)
def test_a_key_in_a_file_that_nobody_reads_is_refused(
    tmp_path: Path, file: str, section: str, key: str, sentence: str
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / file).write_text(f"[{section}]\n{key} = 24\n")
    with pytest.raises(SettingError) as refused:
        read_settings(tmp_path)
    assert str(refused.value) == f"{file} sets {section}.{key}, which is no setting; {sentence}"


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_configuration_that_is_no_toml_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / name).write_text("a = = 1")
    with pytest.raises(SettingError, match=f"{name} is not TOML: "):
        read_settings(tmp_path)


def test_what_dlt_reads_below_the_source_is_left_to_dlt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        "[sources.drift]\noverlap_hours = 5.0\n"
        "[sources.drift.data_writer]\ndisable_compression = true\n"
        "[sources.drift.meetings.updated]\nrow_order = 'asc'\n"
        "[sources.hubspot]\noverlap_hour = 1\n"
    )
    monkeypatch.setenv("SOURCES__DRIFT__EXTRACT__WORKERS", "2")
    monkeypatch.setenv("SOURCES__DRIFT__SCHEMA__NAMING", "snake_case")
    monkeypatch.setenv("SOURCES__HUBSPOT__OVERLAP_HOUR", "1")
    monkeypatch.setenv("BOOKINGS__TIME_ZONE", "Europe/Berlin")
    with configured_by(tmp_path):
        settings = read_settings(tmp_path)
    assert (settings.source.overlap_hours, settings.bookings.time_zone) == (5.0, "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SOURCES__DRIFT__REQUESTS_IN_FLIGHT", "0", "must be 1 or more, not 0"),
        ("SOURCES__DRIFT__OVERLAP_HOURS", "nan", "must be 0 or more, not nan"),
        ("SOURCES__DRIFT__USERS", "perhaps", "must be true or false"),
        ("SOURCES__DRIFT__CONTACT_ATTRIBUTES", "[5]", "must be a list of attributes' names"),
        ("SOURCES__DRIFT__ACCESS_TOKEN", "tok\u00e9n", "holds no token that a header can carry"),
        ("BOOKINGS__MAX_DELISTED_SHARE", "1.5", "must lie between 0 and 1, not 1.5"),
        (
            "BOOKINGS__TIME_ZONE",
            "Europe/Berlim",
            "is no time zone: 'Europe/Berlim'; perhaps Europe/Berlin",
        ),
        ("BOOKINGS__DUCKDB_MEMORY", "plenty", "must be a size such as 300MB, not 'plenty'"),
        (
            "BOOKINGS__SNAPSHOT_MODE",
            "rw-r-----",
            "must be a file's mode such as 0600 or 0640, not 'rw-r-----'",
        ),
        ("BOOKINGS__LOCK_WAIT_SECONDS", "soon", "must be a number"),
        ("SOURCES__DRIFT__BASE_URL", "http://[::1", "is no web address: 'http://[::1'"),
        (
            "SOURCES__DRIFT__BASE_URL",
            "http://127.0.0.1:99999",
            "is no web address: 'http://127.0.0.1:99999'",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_key(
    project: Project, name: str, value: str, sentence: str
) -> None:
    key = name.lower().replace("__", ".")
    assert project.refused(code=2, **{name: value}) == f"{key} {sentence}."
