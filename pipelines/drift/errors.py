"""What can go wrong, in sentences for the person who runs the pipeline."""

from typing import ClassVar

from requests import RequestException


class DriftError(Exception):
    """The source could not do its work. The message is one sentence, or a few."""

    exit_code: ClassVar[int] = 1
    """What a command that ends by this error should exit with."""


class RefusedError(DriftError):
    """Drift refused the request itself: asking again cannot help."""


class InvalidError(RefusedError):
    """Drift does not take the values of a request, such as its bounds."""


class ForbiddenError(RefusedError):
    """Drift refused the token, or the token lacks a scope."""


class GoneError(RefusedError):
    """Drift has nothing at that address any more."""


class OutOfTimeError(DriftError):
    """The time is over that was set for some requests."""


class WindowFullError(DriftError):
    """More meetings start in one millisecond than one answer can hold."""


class ImportFileError(DriftError):
    """A file that cannot be imported. The message names it."""

    exit_code = 2


class VisitorError(DriftError):
    """Neither an e-mail address nor a contact's id."""

    exit_code = 2


class BrokenAnswerError(RequestException):
    """A body that is not the whole answer: cut short, not JSON, or an error with status 200.

    The client asks again, as after every other fault of a request.
    """
