"""DuckLake: tables as Parquet files, and a catalogue of them in a database that many can open.

What it needs beside DuckDB are extensions of DuckDB's: from a package where one is installed, else
DuckDB downloads them.
"""

from importlib.resources import files
from typing import Final

import duckdb

PACKAGES: Final = {
    "ducklake": "duckdb_extension_ducklake",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
}
"""Extensions, and the packages that bring them for one version of DuckDB each."""


def bring(extension: str) -> str | None:
    """Has an extension where DuckDB looks for it. Why it could not be had, if it could not."""
    with duckdb.connect() as connection:
        for install in (None, packaged(extension), extension):
            try:
                if install:
                    connection.execute(f"install {install}").fetchall()
                connection.execute(f"load {extension}").fetchall()
            except duckdb.Error as error:
                reason = str(error).splitlines()[0]
            else:
                return None
    return reason


def packaged(extension: str) -> str | None:
    """The file of an extension that is installed as a package, for this version of DuckDB."""
    try:
        folder = files(PACKAGES[extension]) / "extensions" / f"v{duckdb.__version__}"
    except ModuleNotFoundError:
        return None
    file = folder / f"{extension}.duckdb_extension"
    path = str(file).replace("'", "''")
    return f"'{path}'" if file.is_file() else None
