"""Goldens: what dbt said of a project of the corpus, as short hashes in a compressed file.

No text of a project is kept: a golden can say that a node differs, and asking dbt again says how.
Of a project of many thousands of nodes one hash a file is kept, of all that dbt said of its nodes.
"""

import hashlib
import json
import lzma
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
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
        nodes: Hashes of a node's facets, one after the other, by unique_id; of a golden by file
            one hash for each file.
        uncompiled: Of a golden by file: what dbt did not compile.
        is_by_file: It keeps one hash a file.
    """

    commit: str
    dbt: str
    absent: tuple[str, ...]
    ids: Mapping[str, list[str]]
    nodes: Mapping[str, str]
    uncompiled: tuple[str, ...] = ()
    is_by_file: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One facet of one node that is not dbt's; the facet ``exists`` when only one has the node.

    With a golden by file the "node" is a file, and its facet ``file``.
    """

    node: str
    facet: str


def hashes_of(facts: Facts) -> str:
    """Return the hashes of a node's facets; of code that dbt did not compile there is none."""
    return "".join(
        NOT_COMPILED if facts[facet] is None else _hash(facts[facet]) for facet in FACETS
    )


def hashes_by_file(nodes: Mapping[str, Facts], uncompiled: Collection[str]) -> dict[str, str]:
    """Return one hash for each file: of the ids of its nodes and all of their facets.

    Args:
        nodes: Facts of nodes by unique_id.
        uncompiled: Nodes whose code does not count, because dbt did not compile them.
    """
    files: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(nodes):
        facts = nodes[key]
        hashes = hashes_of({**facts, "code": None} if key in uncompiled else facts)
        node = facts["node"]
        files[f"{node['package_name']}/{node['original_file_path']}"].append(f"{key} {hashes}")
    return {file: _hash("\n".join(lines)) for file, lines in files.items()}


def _hash(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def write_golden(name: str, golden: Golden) -> None:
    """Keep a golden; what is as it usually is is left out, so that asking again changes nothing."""
    usual = {each.name: each.default for each in fields(golden)}
    document = {key: getattr(golden, key) for key in usual}
    document = {key: value for key, value in document.items() if value != usual[key]}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


def read_golden(name: str) -> Golden:
    """Read a golden."""
    document = json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))
    lists = {key: tuple(document[key]) for key in ("absent", "uncompiled") if key in document}
    return Golden(**{**document, **lists})


def differences(ours: Mapping[str, Facts], golden: Golden) -> Iterator[Difference]:
    """Yield what differs from dbt; code is compared where dbt has compiled some."""
    if golden.is_by_file:
        files = hashes_by_file(ours, frozenset(golden.uncompiled))
        for file in sorted({*files, *golden.nodes}):
            if files.get(file) != golden.nodes.get(file):
                yield Difference(file, "file")
        return
    for node in sorted({*ours, *golden.nodes}):
        if node not in ours or node not in golden.nodes:
            yield Difference(node, "exists")
            continue
        mine, theirs = hashes_of(ours[node]), golden.nodes[node]
        for index, facet in enumerate(FACETS):
            part = slice(index * DIGITS, (index + 1) * DIGITS)
            if theirs[part] not in {mine[part], NOT_COMPILED}:
                yield Difference(node, facet)
