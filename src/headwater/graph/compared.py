"""The methods ``state:new``, ``old``, ``modified``, ``unmodified`` and ``modified.x``.

They compare the project's manifest with an earlier one. That costs as much as writing the manifest,
so nothing is compared before a selector asks for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import cast

from headwater.base.artifacts import ArtifactFacts
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.graph.contract_changes import broken_promises, is_enforced, is_same_contract
from headwater.graph.graph import Graph
from headwater.graph.manifest import make_manifest
from headwater.graph.previous import SECTIONS, Entry, Previous, mapping_of
from headwater.graph.same import (
    PARSED,
    is_same,
    is_same_body,
    is_same_config,
    is_same_description,
    is_same_place,
    macros_of,
)
from headwater.jinja.calls import called_names
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro
from headwater.project.project import Project

_NO_FACTS = ArtifactFacts(generated_at="", invocation_id="")
_CONFIGURED = PARSED | {"source", "exposure", "metric"}


class Compared:
    """A project beside an earlier manifest.

    Attributes:
        diagnostics: Contracts that the project breaks; known once ``modified`` was asked for.
    """

    def __init__(
        self,
        project: Project,
        graph: Graph,
        read: Callable[[], Previous],
        *,
        by_unrendered: bool = False,
    ) -> None:
        """Compare when asked.

        Args:
            project: The project.
            graph: The project with its references resolved.
            read: Reads the earlier manifest.
            by_unrendered: See ``same.is_same``.
        """
        self._project = project
        self._graph = graph
        self._read = read
        self._by_unrendered = by_unrendered
        self.diagnostics: list[Diagnostic] = []

    def differing(self, value: str) -> frozenset[str]:
        """Return the nodes that ``state:value`` means.

        Args:
            value: ``new``, ``modified`` ...

        Raises:
            Invalid: ``selector-invalid``.
            HeadwaterError: The earlier manifest cannot be read.
        """
        check = _CHECKS.get(value)
        if check is None:
            raise Invalid(
                "selector-invalid",
                f"cannot read the selector `state:{value}`",
                why=f"`state:` is followed by one of {', '.join(_CHECKS)}",
                fix="write `state:modified`",
            )
        before = self._previous.entries
        chosen = frozenset(
            key for key, entry in self._entries.items() if check(self, entry, before.get(key))
        )
        if value in _REPORTING:
            self._report_contracts()
        return chosen

    @cached_property
    def _previous(self) -> Previous:
        return self._read()

    @cached_property
    def _entries(self) -> Mapping[str, Entry]:
        document = make_manifest(self._project, self._graph, _NO_FACTS)
        sections = (mapping_of(document[section]) for section in SECTIONS)
        return {key: cast("Entry", entry) for section in sections for key, entry in section.items()}

    # -- one check a word ---------------------------------------------------------------------

    def is_modified(self, new: Entry, old: Entry | None) -> bool:
        """Say whether anything of an entry differs, its macros included."""
        if old is None or not is_same(new, old, by_unrendered=self._by_unrendered):
            return True
        if self.has_modified_macro(new, old):
            return True
        return new.get("resource_type") == "model" and not is_same_contract(new, old)

    def has_modified_macro(self, new: Entry, _old: Entry | None) -> bool:
        """Say whether a macro that an entry calls, at any depth, has another text."""
        return not self._modified_macros.isdisjoint(macros_of(new))

    def has_modified_place(self, new: Entry, old: Entry | None) -> bool:
        """Say whether an entry is configured to be stored elsewhere."""
        kinds = PARSED | {"source"}
        by_unrendered = self._by_unrendered
        same = partial(is_same_place, by_unrendered=by_unrendered)
        return _differs(kinds, same, new, old)

    @cached_property
    def _modified_macros(self) -> frozenset[str]:
        """Macros of the project and its packages that differ, or call one that does.

        Ours, and dbt's own, are not compared: another release of the tool is no change of the
        project.
        """
        before = self._previous.macros
        own = [each for each in self._project.macros.values() if each.package != GLOBAL_PACKAGE]
        changed = {macro.unique_id for macro in own if before.get(macro.unique_id) != macro.text}
        return frozenset(_with_callers(own, changed)) if changed else frozenset()

    # -- contracts ----------------------------------------------------------------------------

    def _report_contracts(self) -> None:
        if self.diagnostics:
            return
        for key, old in self._previous.entries.items():
            if old.get("resource_type") == "model" and is_enforced(old):
                self.diagnostics += self._broken(key, old)

    def _broken(self, key: str, old: Entry) -> Iterator[Diagnostic]:
        new = self._entries.get(key)
        if new is None:
            is_off = NodeId(key) in self._project.disabled
            lines = [f"the model was {'disabled' if is_off else 'deleted or renamed'}"]
        elif is_same_contract(new, old):
            return
        else:
            lines = list(broken_promises(new, old))
        if not lines:
            return
        is_versioned = old.get("version") is not None
        node = self._project.nodes.get(NodeId(key))
        yield Diagnostic(
            code="contract-broken",
            severity="error" if is_versioned else "warning",
            what=f"`{old.get('name')}` no longer keeps its contract: {'; '.join(lines)}",
            why="its readers rely on what the earlier manifest promises",
            fix="make a new version of the model" if is_versioned else "give the model versions",
            where=node.where if node else None,
            node=NodeId(key),
        )


def _with_callers(macros: Iterable[Macro], changed: Iterable[str]) -> set[str]:
    """Add every macro that calls a changed one, at any depth."""
    calls = {macro.unique_id: called_names(macro.text) for macro in macros}
    names = {macro.unique_id: _names(macro) for macro in macros}
    found, added = set(changed), set(changed)
    while added:
        new_names = {name for key in added for name in names[key]}
        added = {key for key in calls if key not in found and new_names & calls[key]}
        found |= added
    return found


def _names(macro: Macro) -> tuple[str, str]:
    """Return the names that a macro is called by; the second one through dispatch."""
    return macro.name, macro.name.partition("__")[2] or macro.name


def _differs(
    kinds: Iterable[str], same: Callable[[Entry, Entry], bool], new: Entry, old: Entry | None
) -> bool:
    """Say whether an entry that has such a part is new, or has another one."""
    return str(new.get("resource_type")) in kinds and (old is None or not same(new, old))


def _check_part(
    kinds: Iterable[str], same: Callable[[Entry, Entry], bool]
) -> Callable[[Compared, Entry, Entry | None], bool]:
    return lambda _compared, new, old: _differs(kinds, same, new, old)


def _is_same_promise(new: Entry, old: Entry) -> bool:
    return new.get("resource_type") != "model" or is_same_contract(new, old)


_REPORTING = frozenset({"modified", "unmodified", "modified.contract"})
_CHECKS: Mapping[str, Callable[[Compared, Entry, Entry | None], bool]] = MappingProxyType(
    {
        "new": lambda _compared, _new, old: old is None,
        "old": lambda _compared, _new, old: old is not None,
        "modified": Compared.is_modified,
        "unmodified": lambda compared, new, old: not compared.is_modified(new, old),
        "modified.body": _check_part(PARSED, is_same_body),
        "modified.configs": _check_part(_CONFIGURED, is_same_config),
        "modified.persisted_descriptions": _check_part(PARSED, is_same_description),
        "modified.relation": Compared.has_modified_place,
        "modified.macros": Compared.has_modified_macro,
        "modified.contract": _check_part(PARSED, _is_same_promise),
    }
)
