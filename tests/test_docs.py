"""What the documents show is what a reader gets."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from app.settings import KNOWN_KEYS
from tests.conftest import ROOT, Demo, Project, Serve, meeting

PAGES: Final = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("[!_]*.md")])
}

NOT_RUN: Final = {
    "bash .ci/run": "it runs these tests",
    "uv run --group dev pytest -n 2": "these tests",
    "uv run --group dev python tests/benchmark.py": "it takes long; .ci/run has a small one",
    "export SOURCES__DRIFT__ACCESS_TOKEN=…": "a placeholder",
    "duckdb -readonly warehouse.duckdb": "it waits for queries",
    "uv run --isolated --group dev --with duckdb-extension-ducklake==1.5.5"
    " --with duckdb-extension-postgres-scanner==1.5.5 pytest -m long tests/destinations"
    " -k ducklake": "tests",
    "uv run --extra dashboard dlt pipeline --pipelines-dir .dlt/.var/pipelines"
    " drift_bookings show": "tests/test_dlt_tools.py opens it, where its packages are",
    **dict.fromkeys(
        ("dbt parse", "dbt source freshness", "dbt test --select 'source:*'"),
        "tests/test_dictionary.py calls them, where dbt is",
    ),
    **dict.fromkeys(
        (
            "pip install 'dbt-core<1.12' dbt-duckdb",
            "pip install streamlit 'duckdb>=1.5,<2'",
            "PUBLISHED=warehouse.duckdb streamlit run recipes/streamlit_bookings.py",
        ),
        "packages that belong elsewhere; tests/test_report.py asks the page's queries",
    ),
    **dict.fromkeys(
        (
            "uv run --extra notebook marimo edit docs/questions.py",
            "uv run --extra notebook python docs/questions.py",
        ),
        "tests/test_dictionary.py runs the notebook, where marimo is",
    ),
    **dict.fromkeys(
        (
            "export DESTINATION__WAREHOUSE__DESTINATION_TYPE=postgres",
            "export DESTINATION__WAREHOUSE__CREDENTIALS=postgresql://loader:…@db.example.com:5432/warehouse",
            "export DESTINATION__WAREHOUSE__DESTINATION_TYPE=bigquery",
            'export DESTINATION__WAREHOUSE__CREDENTIALS="$(cat service-account.json)"',
            "export DESTINATION__WAREHOUSE__LOCATION=EU",
            "uv run --extra postgres pipelines/meetings.py",
            "uv run --extra bigquery pipelines/meetings.py",
            "uv run --with duckdb-extension-ducklake==1.5.5"
            " --with duckdb-extension-postgres-scanner==1.5.5 pipelines/meetings.py",
            "export DESTINATION__WAREHOUSE__DESTINATION_TYPE=ducklake",
            "export DESTINATION__WAREHOUSE__CREDENTIALS__DUCKLAKE_NAME=lake",
            "export DESTINATION__WAREHOUSE__CREDENTIALS__CATALOG="
            "postgresql://loader:…@db.example.com:5432/lake",
            "export DESTINATION__WAREHOUSE__CREDENTIALS__STORAGE__BUCKET_URL=/srv/lake",
        ),
        "tests/destinations sets its own",
    ),
}
"""Lines of ```sh blocks that are not run here, and why."""

SHIMS: Final = {
    "pip": "exit 0",  # from a package index: not here
    "python": f'exec "{sys.base_prefix}/bin/python3" -IS "$@"',  # a reader's own, without packages
}
UV: Final = 'shift; while [[ $1 == --* ]]; do shift 2; done; [[ $1 == *.py ]] && set -- {} "$@"\n'
"""Where there is no uv, `uv run [--option value …] what …` in the environment of these tests."""

ANSWERED_ELSEWHERE: Final = {
    "docs/destinations.md": "for other databases: tests/destinations runs them",
    "docs/models.md": "parts of models: tests/models/test_walkthrough.py builds them",
}
"""Pages whose ```sql blocks have no answer, and why."""

SETS_UP: Final = ("export ", "unset ", "pip ", "cd ")

SECRET: Final = {"access_token", "personal_data_key"}


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", PAGES[page], flags=re.S | re.M)
    return [textwrap.dedent(text) for _, text in found]


def commands(page: str) -> list[str]:
    """The lines that a page tells its reader to type, without their comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return list(filter(None, (re.split(r"(?:^|\s+)# ", line)[0].strip() for line in lines)))


@cache
def run_commands() -> dict[str, list[str]]:
    """What is run of each page: what no page before it has, and what sets up its shell."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        earlier = {line for lines in found.values() for line in lines}
        lines = [line for line in commands(page) if line not in NOT_RUN]
        new = [line for line in lines if line not in earlier]
        if any(not line.startswith(SETS_UP) for line in new):
            found[page] = [line for line in lines if line in new or line.startswith(SETS_UP)]
    return found


def test_the_queries_in_the_documents_give_the_answers_shown(demo: Demo) -> None:
    pages = set()
    for page, text in PAGES.items():
        if page in ANSWERED_ELSEWHERE:
            continue
        shown = re.findall(r"^```sql\n(.*?)\n```\n```text\n(.*?)\n```$", text, flags=re.S | re.M)
        assert len(shown) == len(blocks(page, "sql")), f"{page} has a query without its answer"
        for query, answer in shown:
            pages.add(page)
            assert demo.project.show(query, "demo.duckdb").rstrip() == answer
    assert pages >= {"README.md", "docs/querying.md"}


@pytest.mark.process
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_the_python_in_the_documents_runs(
    project: Project, serve: Serve, demo: Demo, page: str
) -> None:
    serve([meeting("m1")])
    project.run()
    copies = ".demo.duckdb.copies"
    shutil.copytree(demo.project.folder / copies, project.folder / copies)
    shutil.copy(demo.project.folder / "demo.duckdb", project.folder, follow_symlinks=False)
    code = "\n".join(blocks(page, "python"))  # a page's blocks follow on each other
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=project.environ(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if page == "README.md" else pytest.mark.process)
        for page in run_commands()
    ],
)
def test_the_commands_of_a_page_run_in_their_order(
    project: Project, serve: Serve, tmp_path: Path, page: str
) -> None:
    serve([meeting("m1"), meeting("m2", schedulerId=None)])
    answers = project.folder / "answers"
    answers.mkdir()
    (answers / "answer.json").write_text(json.dumps({"data": [meeting("m2"), meeting("m3")]}))
    project.run()
    shutil.copy(ROOT / "pyproject.toml", project.folder)
    # The demo has thousands, for each of whom there is a request.
    environment = project.environ(SOURCES__DRIFT__CONTACTS_SECONDS="1")
    environment |= {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_PROJECT_ENVIRONMENT": sys.prefix}
    own = shutil.which("uv") is not None and sys.prefix != sys.base_prefix
    shims = SHIMS if own else SHIMS | {"uv": UV.format(sys.executable) + 'exec "$@"'}
    (tmp_path / "bin").mkdir()
    for name, script in shims.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(run_commands()[page])],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_lines_that_are_not_run_are_still_there() -> None:
    written = {line for page in PAGES for line in commands(page)}
    assert sorted(NOT_RUN.keys() - written) == []


def test_python_is_said_only_where_it_is_the_environments() -> None:
    """After uv's install, the reader's own python has none of the packages."""
    written = [*PAGES.values()]
    for pattern in (".dlt/*.toml", "pipelines/**/*.py", "sql/*.*"):
        written += [path.read_text("utf-8") for path in ROOT.glob(pattern)]
    said = re.findall(r".*\bpython (?:pipelines|tests|docs)/.*", "\n".join(written))
    assert [line for line in said if not re.search(r"\buv run |\.venv/bin/python ", line)] == []


def test_every_option_of_the_command_line_is_in_the_operations_page(project: Project) -> None:
    options = set(re.findall(r"--[a-z][a-z-]*", project.run("--help").stdout))
    assert {"--demo", "--status", "--help"} <= options
    missing = [option for option in options if f"`{option}" not in PAGES["docs/operations.md"]]
    assert sorted(missing) == []


def test_every_setting_is_in_the_settings_page_with_its_default() -> None:
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text("utf-8"))
    assert set(config["bookings"]) == KNOWN_KEYS["bookings"]
    assert set(config["sources"]["drift"]) == KNOWN_KEYS["sources.drift"] - SECRET
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| `([A-Z_]+)` \| (none|`.*?`) \| .+ \|$",
        PAGES["docs/settings.md"],
        flags=re.M,
    )
    assert len({key for key, _, _ in rows}) == len(rows)
    known = {f"{section}.{key}" for section, keys in KNOWN_KEYS.items() for key in keys}
    assert known <= {key for key, _, _ in rows}
    for key, variable, default in rows:
        assert variable == key.replace(".", "__").upper()
        *sections, name = key.split(".")
        table = config
        for section in sections:
            table = table[section]
        if default == "none":
            assert name not in table
        else:
            assert tomllib.loads(f"value = {default[1:-1]}")["value"] == table[name], key


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.S | re.M), flags=re.M
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            file = ((ROOT / page).parent / name).resolve() if name else ROOT / page
            assert file.exists(), f"{page}: {target}"
            if anchor:
                assert anchor in anchors(file.read_text("utf-8")), f"{page}: {target}"


def test_the_readme_links_to_every_page() -> None:
    for page in PAGES.keys() - {"README.md"}:
        assert f"]({page})" in PAGES["README.md"], page
