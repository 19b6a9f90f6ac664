"""Every known difference from dbt in the corpus, node by node, with the reason.

They are in ``explained.json`` beside this file. A difference that is not there fails the test.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENDS = Path(__file__).with_name("ends.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEnds:
    """What of a build is known to differ, each with its reason in ``ends.json``.

    Attributes:
        built: How nodes ended, here and with dbt; None for one that has no result.
        tested: The same of tests.
        unsure: Nodes that end so or so, with dbt, too.
        tables: Tables that are not equal, as ``schema.name``.
        columns: Columns, of whatever table, that are not compared.
        unsent: Nodes of whose statements of dbt's one is not among ours.
    """

    built: Mapping[str, tuple[str | None, str | None]]
    tested: Mapping[str, tuple[str | None, str | None]]
    unsure: frozenset[str]
    tables: list[str]
    columns: frozenset[str]
    unsent: frozenset[str]


def known_ends(project: str) -> KnownEnds:
    """Return the known differences of a project that is built by both."""
    groups = json.loads(ENDS.read_text(encoding="utf-8")).get(project, ())

    def ends(kind: str) -> Mapping[str, tuple[str | None, str | None]]:
        found = (group.get(kind, {}) for group in groups)
        return {key: (pair[0], pair[1]) for each in found for key, pair in each.items()}

    tables = sorted(name for group in groups for name in group.get("tables", ()))
    return KnownEnds(
        built=ends("built"),
        tested=ends("tested"),
        unsure=frozenset(node for group in groups for node in group.get("unsure", ())),
        tables=tables,
        columns=frozenset(name for group in groups for name in group.get("columns", ())),
        unsent=frozenset(node for group in groups for node in group.get("unsent", ())),
    )


def explanations(project: str) -> Mapping[tuple[str, str], str]:
    """Return why nodes of a project differ, by unique_id and facet."""
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    return {
        (node, facet): group["why"]
        for group in json.loads(text).get(project, ())
        for facet, nodes in group["nodes"].items()
        for node in nodes
    }
