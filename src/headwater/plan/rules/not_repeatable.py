"""A query that gives another result each time, where results are kept.

What it finds:
    ``now()``, ``random()``, ``uuid()`` and the like in an incremental model or a snapshot; in
    other models the same is told as information.

Why it matters:
    What is stored depends on when each row was processed: a rebuild gives other values, a retry
    may give other keys, and a snapshot sees every row as changed.

Example:
    ``select *, now() as loaded_at`` under ``strategy: check`` with ``check_cols: all`` stores a
    new version of every row at every run.

Safer form:
    Take the time or the key from the source; derive keys from a hash of the natural key.

Known gaps:
    A clock in the filter only (``where at > now() - interval 3 day``) is reported too: which rows
    are read then depends on when the run happens.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_test
from headwater.plan.rules.rule import Rule


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at every node whose result changes by itself."""
    for node in draft.decisions:
        compiled = draft.compiled(node)
        if compiled.reads_clock != "always" or is_test(compiled) or not draft.is_asked_for(node):
            continue
        keeps = compiled.node.materialized in {"incremental", "snapshot"}
        keeps = keeps or compiled.node.resource_type == "snapshot"
        yield Diagnostic(
            code="not-repeatable",
            severity="warning" if keeps else "info",
            what=f"`{compiled.node.name}` reads the clock or a random value",
            why="rows stored at different times are computed differently, and a rebuild gives "
            "another table"
            if keeps
            else "building it twice gives two results; it is rebuilt only when something it "
            "reads has changed",
            fix="take the time or the key from the source, or from a hash of it",
            where=compiled.node.where,
            node=node,
        )


NOT_REPEATABLE = Rule(code="not-repeatable", check=check)
