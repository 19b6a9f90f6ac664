"""Column lineage against the labels that other tools test themselves by."""

import pytest
from tests.peer.lineage_peers import gather
from tests.peer.lineage_scores import Scores, score_all


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return score_all(*gather(tmp_path_factory.mktemp("labels")))


@pytest.mark.peer
def test_every_difference_from_a_label_has_a_reason(scores: Scores) -> None:
    assert scores.unexplained == []
    assert (
        sum(tally.cases for (_, tool), tally in scores.tallies.items() if tool == "headwater") > 180
    )


@pytest.mark.peer
def test_no_labelled_query_fails(scores: Scores) -> None:
    failed = {key: tally.failed for key, tally in scores.tallies.items() if key[1] == "headwater"}

    assert failed == {(name, "headwater"): 0 for name in ("sqllineage", "openlineage", "sqlglot")}


@pytest.mark.peer
@pytest.mark.parametrize("labels", ["sqllineage", "openlineage", "sqlglot"])
def test_no_tool_is_nearer_to_the_labels_of_another(scores: Scores, labels: str) -> None:
    exact = {tool: tally.exact for (own, tool), tally in scores.tallies.items() if own == labels}
    others = [found for tool, found in exact.items() if not tool.startswith(("headwater", labels))]

    assert max(exact["headwater"], exact["headwater with conditions"]) >= max(others)
