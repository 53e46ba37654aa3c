"""What the README shows is what a reader gets."""

import re
import tomllib

from configuration import KNOWN_KEYS
from tests.conftest import ROOT, Project

SECRET = {"access_token", "personal_data_key"}
README = (ROOT / "README.md").read_text("utf-8")


def test_the_queries_in_the_readme_give_the_answers_shown(project: Project) -> None:
    project.run("--demo")
    project.run("--demo")
    shown = re.findall(r"```sql\n([^`]*)\n```\n```text\n(.*?)\n```", README, flags=re.S)
    assert len(shown) == 3
    for query, answer in shown:
        assert project.show(query, "demo.duckdb").rstrip() == answer


def test_every_setting_is_in_the_readme_and_in_the_configuration() -> None:
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text("utf-8"))
    assert set(config["bookings"]) == KNOWN_KEYS["bookings"]
    assert set(config["sources"]["drift"]) == KNOWN_KEYS["sources.drift"] - SECRET
    for section, keys in KNOWN_KEYS.items():
        for key in keys:
            variable = f"{section}.{key}".replace(".", "__").upper()
            assert f"| `{section}.{key}` | `{variable}` |" in README
