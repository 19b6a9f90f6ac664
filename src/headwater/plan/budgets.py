"""Budgets: what a project, a tag, an owner or a node may cost in a run and in a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from headwater.base.codec import Json, from_hand
from headwater.base.errors import Invalid
from headwater.graph.graph import CompiledNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much something may cost, in the currency of the prices.

    Attributes:
        run: In one regular run; None when there is no limit.
        month: In a month of regular runs; None likewise.
        node: Name of a node; empty for more than one.
        tag: Nodes with this tag.
        owner: Nodes of this owner: ``meta.owner``, or else their group.
        runs_per_month: How often it runs; None for ``prices.runs_per_month``.
    """

    run: float | None = None
    month: float | None = None
    node: str = ""
    tag: str = ""
    owner: str = ""
    runs_per_month: float | None = None

    @property
    def name(self) -> str:
        """What it is for, in words."""
        if self.node:
            return f"`{self.node}`"
        if self.tag:
            return f"tag `{self.tag}`"
        return f"owner `{self.owner}`" if self.owner else "the project"

    def covers(self, compiled: CompiledNode) -> bool:
        """Say whether a node falls under it."""
        node = compiled.node
        if self.node:
            return self.node in {node.name, node.unique_id}
        if self.tag:
            return self.tag in tags_of(node.config)
        return not self.owner or owner_of(node.config) == self.owner


def read_budgets(entries: Sequence[Json]) -> tuple[Budget, ...]:
    """Read the entries of ``budgets``.

    Raises:
        Invalid: ``budget-malformed``.
    """
    return tuple(_read(entry, number) for number, entry in enumerate(entries, start=1))


def _read(entry: Json, number: int) -> Budget:
    if not isinstance(entry, dict):
        raise _malformed(number, "it is not a mapping")
    try:
        budget = from_hand(Budget, entry)
    except ValueError as error:
        raise _malformed(number, str(error)) from error
    amounts = [each for each in (budget.run, budget.month) if each is not None]
    if not amounts:
        raise _malformed(number, "it has neither `run` nor `month`")
    if not all(map(isfinite, amounts)) or min(amounts) < 0:
        raise _malformed(number, "an amount is below zero, or none")
    if budget.runs_per_month is not None and budget.runs_per_month <= 0:
        raise _malformed(number, "`runs_per_month` is not above zero")
    if sum(map(bool, (budget.node, budget.tag, budget.owner))) > 1:
        raise _malformed(number, "it names more than one of `node`, `tag` and `owner`")
    return budget


def tags_of(config: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the tags of a node's config."""
    value = config.get("tags")
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def owner_of(config: Mapping[str, Json]) -> str:
    """Return whose a node is: ``meta.owner``, or else its group; empty for nobody's."""
    meta = config.get("meta")
    named = meta.get("owner") if isinstance(meta, Mapping) else None
    return str(named or config.get("group") or "")


def _malformed(number: int, why: str) -> Invalid:
    return Invalid(
        "budget-malformed",
        f"entry {number} of `budgets` in `headwater.yml` cannot be used",
        why=why,
        fix="write {month: 50}, {tag: nightly, run: 0.5} or {node: fct_orders, month: 20}",
    )
