"""The booking report: one HTML file, from the published tables alone, that needs no server.

Reading order: `write_report` here, `numbers` (the tables as counts that add up), `charts` (the
specifications of the charts), `page.html`, `page.css` and `page.js` (what shows and filters them).
"""

import importlib.util
import json
import os
from pathlib import Path
from string import Template
from typing import Any, Final

from report.numbers import find_numbers
from warehouse.errors import SettingError, how_to_install
from warehouse.reading import Query

NEEDED: Final = ("altair", "vl_convert")


def check_report(path: Path) -> None:
    """Raises `SettingError` where no report can be written, before anything is done for it."""
    if not all(map(importlib.util.find_spec, NEEDED)):
        needed = how_to_install(".[report]")
        raise SettingError(f"The report needs what is not installed: {needed}")
    if not path.parent.is_dir():
        raise SettingError(f"The report's folder is not there: {path.parent}")
    if path.is_dir():
        raise SettingError(f"The report must be a file, and this is a folder: {path}")


def write_report(ask: Query, sql: Path, path: Path) -> None:
    """Writes the report of what `ask` finds to `path`, in one step; `sql` holds the checks."""
    page = render(find_numbers(ask, sql))
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(page, "utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def render(numbers: dict[str, Any]) -> str:
    """The whole page. What Drift sent gets into it as JSON alone, and from there as text."""
    from report.charts import library, specifications  # noqa: PLC0415 - Altair is an extra

    folder = Path(__file__).parent
    return Template((folder / "page.html").read_text("utf-8")).substitute(
        css=(folder / "page.css").read_text("utf-8"),
        library=_inside_script(library()),
        script=_inside_script((folder / "page.js").read_text("utf-8")),
        charts=_as_json(specifications()),
        numbers=_as_json(numbers),
    )


def _as_json(value: Any) -> str:
    """JSON that nothing in it can turn into markup."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _inside_script(code: str) -> str:
    """The code without what would end its element: such text only stands within strings."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
