"""Every exception that Headwater raises on purpose.

::

    HeadwaterError          has a code; says what, why and how to fix it
      Invalid               the request or a file is wrong; asking again will not help
      NotFound              a named thing does not exist
      Denied                not allowed, by policy or by the file system
      Conflict              somebody else changed it first; plan again, then retry
      Unavailable           the world failed for now (lock, full disk, network); retry later
      DataDamaged           stored bytes contradict themselves
      UserCodeError         the project's own code (SQL, Jinja, Python) failed
      InternalError         our own fault: please file a bug

Faults in a user's project are Diagnostics, not exceptions. Subclasses exist only where a caller
acts differently; ``code`` says which fault it is.
"""

from headwater.base.spans import Span


class HeadwaterError(Exception):
    """Root of the tree.

    Attributes:
        code: The kebab name of a Code in ``headwater.base.codes``.
        what: One sentence: what happened, names in backticks.
        why: What led to it, with the numbers; may be empty.
        fix: What to do now; may be empty.
        where: The place in the user's files, if there is one.
    """

    exit_code = 2

    def __init__(
        self, code: str, what: str, *, why: str = "", fix: str = "", where: Span | None = None
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix
        self.where = where


class Invalid(HeadwaterError):  # noqa: N818 - the tree above is the public vocabulary
    """The request or a file is wrong; asking again will not help."""


class NotFound(HeadwaterError):  # noqa: N818
    """A named thing does not exist."""


class Denied(HeadwaterError):  # noqa: N818
    """Not allowed, by policy or by the file system."""


class Conflict(HeadwaterError):  # noqa: N818
    """Somebody else changed it first."""

    exit_code = 4


class Unavailable(HeadwaterError):  # noqa: N818
    """The world failed for now; the same call may work later."""

    exit_code = 4


class DataDamaged(HeadwaterError):  # noqa: N818
    """Stored bytes contradict themselves."""


class UserCodeError(HeadwaterError):
    """The project's own code failed while it ran."""

    exit_code = 1


class InternalError(HeadwaterError):
    """Our own fault; the message asks for a bug report."""
