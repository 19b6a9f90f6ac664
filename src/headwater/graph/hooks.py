"""Hooks while a project is compiled: what they will run, and what they will write.

Macros of a hook may send statements; those that write are kept and not sent, so that a plan can say
what the hooks write. What the macros did with the answers cannot be known then, so such a hook is
rendered again when it runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headwater.base.errors import HeadwaterError
from headwater.graph.graph import HookWrites
from headwater.graph.host import CompileHost
from headwater.graph.said import Said
from headwater.sql.effects import written_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledHooks:
    """The hooks of one moment.

    Attributes:
        texts: What is left of them to be run, empty ones left out.
        writes: What they write.
        sent: Statements that their macros would send.
        said: What their macros printed and logged.
    """

    texts: tuple[str, ...] = ()
    writes: HookWrites = field(default_factory=HookWrites)
    sent: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()

    @property
    def said_for_good(self) -> tuple[Said, ...]:
        """What was said of hooks that are not rendered again when they run."""
        return () if self.writes.is_live else self.said


def compile_hooks(host: CompileHost, renderings: Sequence[Callable[[], str]]) -> CompiledHooks:
    """Render hooks, keeping the statements that their macros send.

    Args:
        host: What the hooks' templates ask; it is changed.
        renderings: Render one hook each.

    Raises:
        HeadwaterError: Jinja failed, and not for want of an answer that only a run can give.
    """
    sent: list[str] = []
    host.sent = sent
    texts: list[str] = []
    is_known = True
    for render in renderings:
        try:
            texts.append(render())
        except HeadwaterError:
            # A query failed because its table is not there yet, or a macro went by the answer to
            # a statement that was not sent.
            if not sent and not host.has_lost_query:
                raise
            is_known = False
    written: dict[str, None] = {}
    for text in (*texts, *sent):
        found = written_tables(text)
        is_known = is_known and found is not None
        written.update(dict.fromkeys(found or ()))
    is_live = bool(sent) or host.has_lost_query
    return CompiledHooks(
        texts=tuple(text for text in texts if text.strip()),
        writes=HookWrites(tables=tuple(written), is_live=is_live, is_known=is_known),
        sent=tuple(sent),
        said=tuple(host.said),
    )
