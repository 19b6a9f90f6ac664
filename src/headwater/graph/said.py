"""What macros print and log while nodes are compiled, kept until the command tells it.

Apart from compiling, because shells and the events of dbt read it too.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a macro printed or logged.

    Attributes:
        text: The line.
        is_info: It is for the terminal; else for the log alone.
    """

    text: str
    is_info: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSaid:
    """What the macros of one node said, by what was rendered.

    Attributes:
        full: While its query of a full build was rendered.
        later: While its query of later builds was; the same where both are one.
        hooks: While its hooks were.
        inline: While a query of the command line, or the call of a macro, was.
    """

    full: tuple[Said, ...] = ()
    later: tuple[Said, ...] = ()
    hooks: tuple[Said, ...] = ()
    inline: tuple[Said, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything was said."""
        return bool(self.full or self.later or self.hooks or self.inline)
