"""The project's own errors: each is a sentence for whoever runs a command, and its exit code.

`DriftError`, in the source, has the same attribute. Whoever prints a failure needs to know no more.
"""

from typing import ClassVar


def words_of(error: BaseException) -> str:
    """What a driver or a service says went wrong, on one line."""
    if "Transaction was not started" in str(error):  # dlt's, who rolls back what never began
        error = error.__context__ or error
    for said in (error, *error.args):  # Google's own words are without the address that was asked
        for detail in getattr(said, "errors", None) or ():
            if isinstance(detail, dict) and "message" in detail:
                return words_of(Exception(detail["message"]))
    if error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = lines[0] if lines else type(error).__name__
    if type(error).__name__ == "OutOfMemoryException":  # DuckDB's
        return f"bookings.duckdb_memory is too little for this: {words}"
    return words


def how_to_install(package: str) -> str:
    """The command that brings a package, or an extra such as `.[report]`: with uv, and without."""
    option = f"--extra {package[2:-1]}" if package.startswith(".[") else f"--with '{package}'"
    return f"uv run {option} pipelines/meetings.py, or pip install '{package}'"


class WarehouseError(Exception):
    """The warehouse could not do its work. The message is one sentence, or a few."""

    exit_code: ClassVar[int] = 1
    """What a command that ends by this error exits with."""


class SettingError(WarehouseError):
    """A setting, or what it names, that cannot be used. The message names its key."""

    exit_code = 2
