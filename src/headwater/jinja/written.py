"""Reads what ``config()`` is called with in a template as it is written, without rendering it.

``state:modified`` compares these texts when a project asks for it, so that another environment
variable or another target does not look like a change of the project. Other tools write the same
texts into their manifests, which is why their form is fixed: the words of the call, with one blank
after a comma and strings in Python's quotes.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from jinja2 import TemplateSyntaxError, nodes

from headwater.jinja.environment import parse_template

_CALLED = "config"
_READ_AT_ONCE = frozenset({_CALLED, "ref", "source"})
_COMPARISONS: Mapping[str, str] = MappingProxyType({
    "eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in",
    "notin": "not in",
})  # fmt: skip


def written_config_or_none(template: str) -> Mapping[str, str] | None:
    """Return the keywords of a template's first ``config()`` call as they are written.

    Args:
        template: The text of a model, snapshot or test.

    Returns:
        A text of Jinja by keyword; of a string the string itself. None when nothing calls it, for a
        template that is none, and where all arguments of all calls are constants, so that they are
        what rendering makes of them.
    """
    if f"{_CALLED}(" not in template:
        return None
    try:
        tree = parse_template(template)
    except TemplateSyntaxError:
        return None
    call = next((each for each in tree.find_all(nodes.Call) if _called(each) == _CALLED), None)
    if call is None or all(map(_is_constant_output, tree.body)):
        return None
    return MappingProxyType({each.key: _value(each.value) for each in call.kwargs})


def _called(node: nodes.Node) -> str:
    is_named = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name)
    return cast("nodes.Name", cast("nodes.Call", node).node).name if is_named else ""


def _is_constant_output(node: nodes.Node) -> bool:
    """Say whether a part of a template is text and calls of known names with constants alone."""
    if not isinstance(node, nodes.Output):
        return False
    return all(
        isinstance(each, nodes.TemplateData) or _is_constant_call(each) for each in node.nodes
    )


def _is_constant_call(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Call) or _called(node) not in _READ_AT_ONCE:
        return False
    given = (*node.args, *(each.value for each in node.kwargs))
    return not (node.dyn_args or node.dyn_kwargs) and all(map(_is_constant, given))


def _is_constant(node: nodes.Node) -> bool:
    match node:
        case nodes.Const():
            return True
        case nodes.List():
            return all(map(_is_constant, node.items))
        case nodes.Dict():
            return all(_is_constant(each.key) and _is_constant(each.value) for each in node.items)
        case _:
            return False


def _value(node: nodes.Expr) -> str:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return node.value
    return _text(node)


def _text(node: nodes.Node) -> str:
    """Return an expression as text; of a kind that is not known, its tree, as dbt does."""
    write = _FORMS.get(type(node))
    return str(node) if write is None else write(node)


def _texts(parts: list[nodes.Expr]) -> str:
    return ", ".join(_text(each) for each in parts)


def _call(node: nodes.Call) -> str:
    parts = [_text(each) for each in node.args]
    parts += [f"{each.key}={_text(each.value)}" for each in node.kwargs]
    parts += [f"*{_text(node.dyn_args)}"] if node.dyn_args else []
    parts += [f"**{_text(node.dyn_kwargs)}"] if node.dyn_kwargs else []
    return f"{_text(node.node)}({', '.join(parts)})"


def _tuple(node: nodes.Tuple) -> str:
    return f"({_texts(node.items)}{',' if len(node.items) == 1 else ''})"


def _dict(node: nodes.Dict) -> str:
    pairs = (f"{_text(each.key)}: {_text(each.value)}" for each in node.items)
    return f"{{{', '.join(pairs)}}}"


def _compare(node: nodes.Compare) -> str:
    others = (f"{_COMPARISONS.get(each.op, each.op)} {_text(each.expr)}" for each in node.ops)
    return " ".join((_text(node.expr), *others))


_FORMS: Mapping[type[nodes.Node], Callable[..., str]] = MappingProxyType({
    nodes.Const: lambda node: repr(node.value),
    nodes.Name: lambda node: str(node.name),
    nodes.Call: _call,
    nodes.List: lambda node: f"[{_texts(node.items)}]",
    nodes.Tuple: _tuple,
    nodes.Dict: _dict,
    nodes.Getattr: lambda node: f"{_text(node.node)}.{node.attr}",
    nodes.Getitem: lambda node: f"{_text(node.node)}[{_text(node.arg)}]",
    nodes.Concat: lambda node: " ~ ".join(_text(each) for each in node.nodes),
    nodes.Compare: _compare,
    nodes.Not: lambda node: f"not {_text(node.node)}",
    nodes.Neg: lambda node: f"-{_text(node.node)}",
    nodes.And: lambda node: f"{_text(node.left)} and {_text(node.right)}",
    nodes.Or: lambda node: f"{_text(node.left)} or {_text(node.right)}",
})  # fmt: skip
