"""What a risk rule is: a code and one pure function over the draft of a plan.

Its module's docstring is its page: what it finds, why it matters, an example, a safer form and
known gaps. A node is exempt when its config says so and why::

    config:
      meta:
        headwater:
          allow:
            late-rows-lost: "the source never delivers late"
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.plan.draft import Draft
from headwater.project.node import Node

Check = Callable[[Draft], Iterable[Diagnostic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One risk that is looked for.

    Attributes:
        code: Kebab name of the code that its findings carry.
        check: Returns the findings; reads nothing but the draft.
    """

    code: str
    check: Check


def allowed_reason(node: Node, code_name: str, number: str) -> str:
    """Return the reason for which a node is exempt from a rule; empty when it is not.

    ``meta.headwater.allow`` maps codes (kebab name or number) to reasons; a list of such maps, or
    of bare codes, is read too. An exemption without a reason counts as well: ``no reason given``.
    """
    allow = headwater_meta(node).get("allow")
    entries = allow if isinstance(allow, list) else [allow]
    for entry in entries:
        for key, reason in _pairs(entry):
            if key.lower() in {code_name, number.lower()}:
                return reason or "no reason given"
    return ""


def headwater_meta(node: Node) -> Mapping[str, Json]:
    """Return what a node's ``meta.headwater`` says, as config or beside it."""
    return {**_inner(node.config), **_headwater(node.meta)}


def _inner(config: Mapping[str, Json]) -> Mapping[str, Json]:
    meta = config.get("meta")
    return _headwater(meta) if isinstance(meta, dict) else {}


def _headwater(meta: Mapping[str, Json]) -> Mapping[str, Json]:
    value = meta.get("headwater")
    return value if isinstance(value, dict) else {}


def _pairs(entry: Json) -> Iterable[tuple[str, str]]:
    match entry:
        case dict():
            return [(key, "" if value is None else str(value)) for key, value in entry.items()]
        case str():
            return [(entry, "")]
        case _:
            return []
