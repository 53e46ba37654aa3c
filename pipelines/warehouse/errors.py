"""The project's own errors: each is a sentence for whoever runs a command, and its exit code.

`DriftError`, in the source, has the same attribute. Whoever prints a failure needs to know no more.
"""

from typing import ClassVar


class WarehouseError(Exception):
    """The warehouse could not do its work. The message is one sentence, or a few."""

    exit_code: ClassVar[int] = 1
    """What a command that ends by this error exits with."""


class SettingError(WarehouseError):
    """A setting, or what it names, that cannot be used. The message names its key."""

    exit_code = 2
