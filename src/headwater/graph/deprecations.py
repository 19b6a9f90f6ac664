"""Models that are to go: ``deprecation_date`` told to the owner, and to who still reads them.

Warnings only, as in dbt: the date is a promise of the model's owner, not a lock.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.project.node import Node, deprecation_of


def find_deprecations(
    nodes: Mapping[NodeId, Node], inputs: Mapping[NodeId, Sequence[NodeId]], now: datetime
) -> Iterator[Diagnostic]:
    """Warn of models whose date has passed, and of models that read one with a date.

    Args:
        nodes: All nodes.
        inputs: Direct inputs of every node.
        now: Time of the command.
    """
    dates = {key: when for key, node in nodes.items() if (when := deprecation_of(node))}
    for key, when in dates.items():
        if when < now:
            yield _warning(nodes[key], f"`{nodes[key].search_name}` is past its deprecation date")
    for key, sources in inputs.items():
        reader = nodes[key]
        for source in sources if reader.resource_type == "model" else ():
            if source in dates:
                passed = "was" if dates[source] < now else "will be"
                text = f"{passed} deprecated on {dates[source]:%Y-%m-%d}"
                what = f"`{reader.search_name}` reads `{nodes[source].search_name}`, which {text}"
                yield _warning(reader, what, _instead(nodes[source]))


def _instead(source: Node) -> str:
    latest = source.declared.get("latest_version")
    if latest is not None and str(latest) != source.version:
        return f"read `ref('{source.name}', v={latest})`, or ask its owner what replaces it"
    return "ask its owner what replaces it"


def _warning(node: Node, what: str, fix: str = "") -> Diagnostic:
    return Diagnostic(
        code="model-deprecated",
        severity="warning",
        what=what,
        fix=fix or "remove the model, or give it a later `deprecation_date`",
        where=node.where,
        node=node.unique_id,
    )
