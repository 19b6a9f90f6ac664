"""Every known difference from dbt in the corpus, node by node, with the reason.

They are in ``explained.json`` beside this file. A difference that is not there fails the test.
"""

import json
from collections.abc import Mapping
from pathlib import Path


def explanations(project: str) -> Mapping[tuple[str, str], str]:
    """Return why nodes of a project differ, by unique_id and facet."""
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    return {
        (node, facet): group["why"]
        for group in json.loads(text).get(project, ())
        for facet, nodes in group["nodes"].items()
        for node in nodes
    }
