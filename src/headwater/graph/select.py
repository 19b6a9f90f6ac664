"""Selecting nodes: dbt's grammar (``+tag:nightly,path:models/marts+1``) over a graph.

A selector is first read into an expression, so that the command line and ``selectors.yml`` share
one evaluator; matching one method is in ``graph.match``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal, assert_never, cast, get_args

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.graph.match import make_matcher
from headwater.graph.past import NoPast, Past
from headwater.graph.walk import Edges, descendants, edges_of, neighbours

Indirect = Literal["eager", "cautious", "buildable", "empty"]
"""When a test is taken although it was not named: if any of its inputs is selected (eager), if all
are (cautious), if all are selected or upstream of selected (buildable), never (empty)."""

TERM = re.compile(
    r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?:\+(?P<down>\d*))?",
    re.DOTALL,
)
TESTS = frozenset({"test", "unit_test"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One ``[@][N+]method:value[+N]``.

    Attributes:
        raw: As written.
        method: Name with its arguments after dots: ``config.materialized``; empty when left out.
        value: What is looked for.
        at: Also everything downstream and all that needs.
        up: Levels of inputs to add; None for all, 0 for none.
        down: Levels of readers to add; None for all, 0 for none.
        indirect: Overrides the command's mode; None to keep it.
    """

    raw: str
    method: str
    value: str
    at: bool = False
    up: int | None = 0
    down: int | None = 0
    indirect: Indirect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """Several selections put together.

    Attributes:
        how: ``difference`` takes the second and later parts away from the first.
        parts: At least one.
        raw: As written, for messages; empty when it is not to be reported if nothing matches.
    """

    how: Literal["union", "intersection", "difference"]
    parts: tuple["Expression", ...]
    raw: str = ""


Expression = Term | Combined


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What was selected.

    Attributes:
        nodes: unique_ids.
        diagnostics: A warning for every part that matches nothing.
    """

    nodes: frozenset[NodeId]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    direct: frozenset[NodeId]
    indirect: frozenset[NodeId]


def select(
    graph: Graph,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    indirect: Indirect = "eager",
    past: Past | None = None,
    named: Mapping[str, Json] | None = None,
) -> Selected:
    """Return the nodes that a command is about.

    Args:
        graph: The graph to select from.
        include: Values of ``--select``; everything when there are none.
        exclude: Values of ``--exclude``.
        indirect: Which tests follow the nodes that they test.
        past: What earlier commands have left; None for nothing.
        named: Content of selectors.yml, for ``selector:``.

    Raises:
        Invalid: A selector is not in the grammar (``selector-invalid``).
    """
    parts: list[Expression] = [parse(include) if include else _everything()]
    if exclude:
        parts.append(parse(exclude))
    return select_expression(
        graph,
        Combined(how="difference", parts=tuple(parts)),
        indirect=indirect,
        past=past,
        named=named,
    )


def select_expression(
    graph: Graph,
    expression: Expression,
    *,
    indirect: Indirect = "eager",
    past: Past | None = None,
    named: Mapping[str, Json] | None = None,
) -> Selected:
    """Return the nodes that a read expression selects; arguments as for ``select``."""
    evaluation = _Evaluation(graph, indirect, past or NoPast(), named or {})
    chosen = evaluation.find(expression).direct
    return Selected(nodes=chosen, diagnostics=tuple(evaluation.diagnostics))


def parse(values: Sequence[str]) -> Expression:
    """Read values of ``--select``: a union by space of intersections by comma.

    Raises:
        Invalid: A part is not in the grammar.
    """
    unions: list[Expression] = []
    for word in (word for value in values for word in value.split()):
        terms = tuple(parse_term(part) for part in word.split(","))
        unions.append(Combined(how="intersection", parts=terms, raw=word))
    return Combined(how="union", parts=tuple(unions)) if unions else _everything()


def parse_term(raw: str) -> Term:
    """Read one ``[@][N+]method:value[+N]``.

    Raises:
        Invalid: It is not of this form, or has both ``@`` and a trailing ``+``.
    """
    found = TERM.fullmatch(raw)
    if found is None or not found["value"]:
        raise _invalid(raw, "a selector is `[@][N+]method:value[+N]`")
    at, down = bool(found["at"]), _levels(found["down"])
    if at and down != 0:
        raise _invalid(raw, "`@` already takes everything downstream, so no `+` may follow")
    return Term(
        raw=raw,
        method=found["method"] or "",
        value=found["value"],
        at=at,
        up=_levels(found["up"]),
        down=down,
    )


def parse_selectors(document: Mapping[str, Json]) -> Mapping[str, Expression]:
    """Read the ``selectors:`` of a ``selectors.yml`` document, by name.

    Raises:
        Invalid: A definition is not a string, a method and value, or a union or intersection.
    """
    named: dict[str, Expression] = {}
    entries = document.get("selectors")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise _invalid(str(entry), "a selector has a `name` and a `definition`")
        named[str(entry["name"])] = _definition(entry.get("definition"), named)
    return named


def _definition(value: Json, named: Mapping[str, Expression]) -> Expression:
    match value:
        case str():
            return parse([value])
        case {"union": list(parts)}:
            return _group("union", parts, named)
        case {"intersection": list(parts)}:
            return _group("intersection", parts, named)
        case {"method": "selector", "value": str(name)} if name in named:
            return named[name]
        case dict() if "method" in value and "value" in value:
            return _written_term(str(value["method"]), value["value"], value, named)
        case dict() if len(value) == 1:
            ((method, wanted),) = value.items()
            return _written_term(method, wanted, {}, named)
        case _:
            raise _invalid(str(value), "it is neither text, a method with a value, nor a group")


def _group(
    how: Literal["union", "intersection"], values: list[Json], named: Mapping[str, Expression]
) -> Expression:
    parts = [_definition(v, named) for v in values if not _is_exclusion(v)]
    taken = [
        _exclusion(v["exclude"], named) for v in values if isinstance(v, dict) and "exclude" in v
    ]
    if not parts:
        raise _invalid(str(values), f"the {how} is empty")
    group = Combined(how=how, parts=tuple(parts))
    return Combined(how="difference", parts=(group, *taken)) if taken else group


def _is_exclusion(value: Json) -> bool:
    return isinstance(value, dict) and "exclude" in value and "method" not in value


def _exclusion(value: Json, named: Mapping[str, Expression]) -> Expression:
    if not isinstance(value, list) or not value:
        raise _invalid(str(value), "`exclude` is a list")
    return Combined(how="union", parts=tuple(_definition(part, named) for part in value))


def _written_term(
    method: str, wanted: Json, options: Mapping[str, Json], named: Mapping[str, Expression]
) -> Expression:
    mode = options.get("indirect_selection")
    if mode is not None and mode not in get_args(Indirect):
        raise _invalid(str(mode), f"`indirect_selection` is one of {', '.join(get_args(Indirect))}")
    text = str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    term = Term(
        raw=f"{method}:{text}",
        method=method,
        value=text,
        at=bool(options.get("childrens_parents")),
        up=_written_levels(options, "parents"),
        down=_written_levels(options, "children"),
        indirect=cast("Indirect | None", mode),
    )
    if options.get("exclude"):
        return Combined(how="difference", parts=(term, _exclusion(options["exclude"], named)))
    return term


def _written_levels(options: Mapping[str, Json], key: str) -> int | None:
    if not options.get(key):
        return 0
    depth = options.get(f"{key}_depth")
    return int(depth) if isinstance(depth, (int, str)) and str(depth).isdigit() else None


def _levels(text: str | None) -> int | None:
    if text is None:
        return 0
    return int(text) if text else None


def _everything() -> Expression:
    return Combined(
        how="union",
        parts=tuple(
            Term(raw=f"{method}:*", method=method, value="*") for method in ("fqn", "source")
        ),
    )


def selector_not_found(name: str, known: Iterable[str]) -> NotFound:
    """Make the fault of a name that selectors.yml does not have."""
    return NotFound(
        "selector-not-found",
        f"selectors.yml has no selector `{name}`",
        fix=f"it has: {', '.join(sorted(known)) or 'none'}",
    )


def _invalid(raw: str, why: str) -> Invalid:
    return Invalid(
        "selector-invalid",
        f"cannot read the selector `{raw}`",
        why=why,
        fix="write `name`, `+name`, `name+1`, `method:value`; space joins, comma intersects",
    )


class _Evaluation:
    """One walk over an expression; keeps what several terms need and what was found wanting."""

    def __init__(
        self, graph: Graph, indirect: Indirect, past: Past, named: Mapping[str, Json]
    ) -> None:
        self.graph = graph
        self.document = named
        self.followed: tuple[str, ...] = ()
        self.past = past
        self.indirect = indirect
        self.edges: Edges = edges_of(graph)
        self.diagnostics: list[Diagnostic] = []

    def find(self, expression: Expression) -> _Found:
        match expression:
            case Term():
                return self._term(expression)
            case Combined():
                return self._combined(expression)
            case _:
                assert_never(expression)

    @cached_property
    def named(self) -> Mapping[str, Expression]:
        """The selectors of selectors.yml, which are read when one is named."""
        return parse_selectors(self.document)

    def _named(self, term: Term) -> _Found:
        """Find what selectors mean together; wildcards stand for several of them.

        Raises:
            NotFound: ``selector-not-found``.
            Invalid: ``selector-invalid``, when one leads back to itself.
        """
        names = [name for name in self.named if fnmatchcase(name, term.value)]
        if not names:
            raise selector_not_found(term.value, self.named)
        again = [name for name in names if name in self.followed]
        if again:
            way = " -> ".join((*self.followed, again[0]))
            raise _invalid(term.raw, f"it leads back to itself: {way}")
        before = self.followed
        parts = []
        for name in names:
            self.followed = (*before, name)
            parts.append(self.find(self.named[name]))
        self.followed = before
        direct = frozenset().union(*(part.direct for part in parts))
        return _Found(direct, frozenset().union(*(part.indirect for part in parts)))

    def _term(self, term: Term) -> _Found:
        if term.method == "selector":
            found = self._named(term)
            if not (term.at or term.up != 0 or term.down != 0):
                return found  # with the tests that it leaves out left out
            named = found.direct
        else:
            matches = make_matcher(self.graph, term.method, term.value, self.past)
            named = frozenset(key for key, node in self.graph.nodes.items() if matches(node.node))
        chosen = set(named)
        if term.at:
            below = named | descendants(self.edges.readers, named)
            chosen |= below | descendants(self.edges.inputs, below)
        chosen |= descendants(self.edges.inputs, named, term.up)
        chosen |= descendants(self.edges.readers, named, term.down)
        return self._with_tests(frozenset(chosen), term.indirect or self.indirect)

    def _with_tests(self, chosen: frozenset[NodeId], mode: Indirect) -> _Found:
        if mode == "empty":
            return _Found(chosen, frozenset())
        tests = {
            key
            for key in neighbours(self.edges.readers, chosen)
            if self.graph.nodes[key].node.resource_type in TESTS
        }
        reach = self._reach(chosen, mode, with_sources=True)
        ready = {key for key in tests if mode == "eager" or reach.issuperset(self._inputs(key))}
        return _Found(chosen | ready, frozenset(tests - ready))

    def _reach(
        self, chosen: frozenset[NodeId], mode: Indirect, *, with_sources: bool
    ) -> frozenset[NodeId]:
        if mode != "buildable":
            return chosen
        sources = frozenset(
            key
            for key, node in self.graph.nodes.items()
            if with_sources and node.node.resource_type == "source"
        )
        return chosen | descendants(self.edges.inputs, chosen) | sources

    def _inputs(self, key: NodeId) -> tuple[NodeId, ...]:
        return self.graph.nodes[key].depends_on

    def _combined(self, expression: Combined) -> _Found:
        found = [self.find(part) for part in expression.parts]
        direct = _combine(expression, [part.direct for part in found])
        reachable = _combine(expression, [part.direct | part.indirect for part in found])
        mode = "eager" if expression.how == "difference" else self.indirect
        if mode in {"cautious", "buildable"}:
            reach = self._reach(direct, mode, with_sources=False)
            direct |= {key for key in reachable if reach.issuperset(self._inputs(key))} & {
                key for key in reachable if self.graph.nodes[key].node.resource_type == "test"
            }
        if expression.raw and not direct:
            self.diagnostics.append(
                Diagnostic(
                    code="selector-empty",
                    severity="warning",
                    what=f"the selector `{expression.raw}` matches nothing",
                    fix="`hw ls` shows the names that there are",
                )
            )
        return _Found(direct, reachable)


def _combine(expression: Combined, sets: list[frozenset[NodeId]]) -> frozenset[NodeId]:
    match expression.how:
        case "union":
            return frozenset().union(*sets)
        case "intersection":
            return sets[0].intersection(*sets[1:])
        case "difference":
            return sets[0].difference(*sets[1:])
        case _:
            assert_never(expression.how)


def with_indirect(expression: Expression, mode: Indirect) -> Expression:
    """Return the expression with a mode set on every term that has none."""
    match expression:
        case Term():
            return replace(expression, indirect=expression.indirect or mode)
        case Combined():
            return replace(
                expression, parts=tuple(with_indirect(part, mode) for part in expression.parts)
            )
        case _:
            assert_never(expression)
