"""Goldens: what dbt said of a project of the corpus, as short hashes in a compressed file.

No text of a project is kept: a golden can say that a node differs, and asking dbt again says how.
"""

import hashlib
import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peer.facts import FACETS, Facts

FOLDER = Path(__file__).parent / "goldens"
DIGITS = 5
"""Hexadecimal digits of a hash: one difference in a million goes unseen, and files stay small."""
NOT_COMPILED = "-" * DIGITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What dbt said.

    Attributes:
        commit: Commit of the project.
        dbt: Version of dbt-core.
        absent: Files that the clone lacked, which a comparison must lack too.
        ids: Ids of macros, docs, groups and disabled nodes.
        nodes: Hashes of a node's facets, one after the other, by unique_id.
    """

    commit: str
    dbt: str
    absent: tuple[str, ...]
    ids: Mapping[str, list[str]]
    nodes: Mapping[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One facet of one node that is not dbt's; the facet ``exists`` when only one has the node."""

    node: str
    facet: str


def hashes_of(facts: Facts) -> str:
    """Return the hashes of a node's facets; of code that dbt did not compile there is none."""
    return "".join(
        NOT_COMPILED if facts[facet] is None else _hash(facts[facet]) for facet in FACETS
    )


def _hash(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def write_golden(name: str, golden: Golden) -> None:
    """Keep a golden."""
    document = {key: getattr(golden, key) for key in Golden.__slots__}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


def read_golden(name: str) -> Golden:
    """Read a golden."""
    document = json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))
    return Golden(**{**document, "absent": tuple(document["absent"])})


def differences(ours: Mapping[str, Facts], golden: Golden) -> Iterator[Difference]:
    """Yield what differs from dbt; code is compared where dbt has compiled some."""
    for node in sorted({*ours, *golden.nodes}):
        if node not in ours or node not in golden.nodes:
            yield Difference(node, "exists")
            continue
        mine, theirs = hashes_of(ours[node]), golden.nodes[node]
        for index, facet in enumerate(FACETS):
            part = slice(index * DIGITS, (index + 1) * DIGITS)
            if theirs[part] not in {mine[part], NOT_COMPILED}:
                yield Difference(node, facet)
