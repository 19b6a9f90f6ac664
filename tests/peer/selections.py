"""Selections made up from the grammar of dbt's selection and the words of one project.

The same seed gives the same selections everywhere, so a golden need keep only what dbt answered.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEED = 20_261_121
_MODES = ("eager", "eager", "cautious", "buildable", "empty")
_KINDS = ("model", "seed", "snapshot", "test", "analysis", "source", "exposure", "unit_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call of ``ls``.

    Attributes:
        select: Arguments of ``--select``.
        exclude: Arguments of ``--exclude``.
        indirect: Value of ``--indirect-selection``.
    """

    select: tuple[str, ...]
    exclude: tuple[str, ...]
    indirect: str

    def __str__(self) -> str:
        return f"{' '.join(self.select)} - {' '.join(self.exclude)} ({self.indirect})"


def make_cases(manifest: Mapping[str, Any], count: int) -> tuple[Case, ...]:
    """Make selections up for the project of a manifest."""
    maker = _Maker(manifest)
    return tuple(maker.case() for _ in range(count))


class _Maker:
    """Draws from a project's words; every list is sorted, so that a seed means one thing."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - draws cases of a test
        nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
        nodes = sorted(nodes, key=lambda node: str(node["unique_id"]))
        named = [node for node in nodes if node["resource_type"] not in {"test", "operation"}]
        tests = [node for node in nodes if node["resource_type"] == "test"]
        self.words: dict[str, Sequence[str]] = {
            "": _sorted(node["name"] for node in named),
            "fqn": _sorted(".".join(node["fqn"][:depth]) for node in named for depth in (1, 2, 3)),
            "path": _sorted(_parent(node["original_file_path"]) for node in nodes),
            "file": _sorted(_last(node["original_file_path"]) for node in nodes),
            "tag": _sorted(tag for node in nodes for tag in node["tags"]),
            "package": _sorted([*(node["package_name"] for node in nodes), "this"]),
            "resource_type": _KINDS,
            "config.materialized": ("table", "view", "incremental", "ephemeral", "seed", "test"),
            "config.enabled": ("true",),
            "config.severity": ("error", "ERROR", "warn"),
            "test_type": ("generic", "singular", "data", "unit"),
            "test_name": _sorted(
                (node.get("test_metadata") or {"name": "none"})["name"] for node in tests
            ),
            "source": _sorted(
                name
                for node in manifest["sources"].values()
                for name in (node["source_name"], f"{node['source_name']}.{node['name']}")
            ),
            "exposure": _sorted(node["name"] for node in manifest["exposures"].values()),
            "group": _sorted(group["name"] for group in manifest["groups"].values()),
            "access": ("public", "protected", "private"),
            "version": ("latest", "old", "prerelease", "none"),
            "unit_test": ("*",),
        }
        self.methods = [method for method, words in self.words.items() if words]

    def case(self) -> Case:
        excluded = self.random.random() < 0.35
        return Case(
            select=tuple(self._union() for _ in range(self.random.choice((1, 1, 1, 2)))),
            exclude=(self._union(),) if excluded else (),
            indirect=self.random.choice(_MODES),
        )

    def _union(self) -> str:
        return ",".join(self._term() for _ in range(self.random.choice((1, 1, 1, 1, 2, 2, 3))))

    def _term(self) -> str:
        method = self.random.choice([*self.methods, "", "", "fqn"])
        word = self._bent(method, self.random.choice(self.words[method]))
        term = f"{method}:{word}" if method else word
        match self.random.randrange(9):
            case 0:
                return f"+{term}"
            case 1:
                return f"{term}+"
            case 2:
                return f"+{term}+"
            case 3:
                return f"{self.random.choice((1, 2))}+{term}"
            case 4:
                return f"{term}+{self.random.choice((1, 2))}"
            case 5:
                return f"@{term}"
            case _:
                return term

    def _bent(self, method: str, word: str) -> str:
        """Put a wildcard into some names, and misspell a few."""
        if method not in {"", "fqn", "tag", "file", "test_name", "exposure"}:
            return word
        match self.random.randrange(8):
            case 0:
                return word[: max(1, len(word) // 2)] + "*"
            case 1:
                return "*" + word[len(word) // 2 :]
            case 2:
                return f"{word[:-1]}?"
            case 3:
                return f"no_{word}" if self.random.random() < 0.2 else word
            case _:
                return word


def _sorted(words: Any) -> Sequence[str]:
    return sorted({word for word in words if word})


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _last(path: str) -> str:
    return path.rpartition("/")[2]
