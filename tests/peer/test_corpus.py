"""Public projects are read and compiled as dbt reads and compiles them; dbt need not be there.

Each is compared with what dbt-core 1.11.16 said once (``tests/peer/freeze.py``): which nodes there
are, what is known of each, what it depends on, its config, and its compiled SQL byte by byte.
"""

from pathlib import Path
from typing import Any

import pytest
from tests.peer.compiled import manifest_of
from tests.peer.corpus import CORPUS, Subject, prepare
from tests.peer.explained import explanations
from tests.peer.facts import facts_of, ids_of
from tests.peer.golden import FOLDER, differences, read_golden

FROZEN = [each for each in CORPUS if (FOLDER / f"{each.name}.json.xz").exists()]
LARGE = frozenset({"spellbook-hourly", "tuva"})
SECTIONS_OF_IDS = ("macros", "docs", "groups", "disabled")


def parameters() -> list[Any]:
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in LARGE else [])
        for each in FROZEN
    ]


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("project", parameters())
def test_project_is_read_and_compiled_as_dbt_does(project: Subject, tmp_path: Path) -> None:
    golden = read_golden(project.name)
    assert golden.commit == project.source.commit
    home = prepare(project, tmp_path / "work", frozenset(golden.absent))

    manifest = manifest_of(home, project)

    known = explanations(project.name)
    found = {(each.node, each.facet) for each in differences(facts_of(manifest), golden)}
    assert sorted(found - known.keys()) == []
    assert sorted(known.keys() - found) == []  # explained, and no longer so
    ids = ids_of(manifest)
    assert {key: ids[key] for key in SECTIONS_OF_IDS} == dict(golden.ids)
