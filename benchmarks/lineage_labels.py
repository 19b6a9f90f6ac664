"""How near does column lineage come to the labels that other tools test themselves by?

Run: ``python benchmarks/lineage_labels.py``. The tests of sqlglot, sqllineage and OpenLineage's SQL
parser are fetched (``HEADWATER_TEST_PROJECTS=DIR`` names local clones) and the tools installed in
an environment of their own, see ``tests/peer/lineage_peers.py``.
"""

import json
import sys
import tempfile
from pathlib import Path

import measure

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.peer.lineage_peers import TOOLS, gather  # noqa: E402 - the paths were not set before
from tests.peer.lineage_scores import score_all  # noqa: E402

QUESTION = "labelled column edges met, and edges that labels know, beside the tools that label them"


def main() -> None:
    """Score and write ``results/lineage_labels.json``."""
    with tempfile.TemporaryDirectory() as name:
        scores = score_all(*gather(Path(name)))
    sets: dict[str, dict[str, object]] = {}
    for (labels, tool), tally in scores.tallies.items():
        sets.setdefault(labels, {})[tool] = tally.document()
    body = {
        "versions": list(TOOLS),
        "cases_without_a_query": scores.without_query,
        "reasons_of_our_differences": scores.reasons,
        "unexplained": scores.unexplained,
        "results": sets,
    }
    print(json.dumps(body, indent=2))
    measure.write("lineage_labels", QUESTION, body)


if __name__ == "__main__":
    main()
