"""dbt's functions of Jinja that need nothing but their arguments.

They are values in, values out; what depends on the project or the lake is in ``context``.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NoReturn

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context

from headwater.jinja.environment import SCOPE
from headwater.jinja.guards import bounded
from headwater.jinja.render import CompilerFault, ReturnedError, Scope

DBT_VERSION = "1.12.0"
"""The dbt release whose language is spoken here, for packages that ask."""


def scope_of(context: Context) -> Scope:
    """Return the running rendering of a Jinja context."""
    scope = context.parent[SCOPE]
    assert isinstance(scope, Scope)  # noqa: S101 - put there by Templates alone
    return scope


def return_(value: object = None) -> NoReturn:
    """Leave the running macro with a value of any type."""
    raise ReturnedError(value)


def fromjson(value: str, default: object = None) -> object:
    """Read JSON text; the default when it is none."""
    try:
        result: object = json.loads(value)
    except ValueError:
        return default
    return result


def tojson(value: object, default: object = None, sort_keys: bool = False) -> object:  # noqa: FBT001, FBT002 - dbt's signature
    """Write JSON text; the default when the value has no JSON."""
    try:
        return json.dumps(value, sort_keys=sort_keys, default=_plain)
    except (ValueError, TypeError):
        return default


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    message = f"no JSON for {type(value).__name__}"
    raise TypeError(message)


def fromyaml(value: str, default: object = None) -> object:
    """Read YAML text; the default when it is none."""
    try:
        result: object = yaml.safe_load(value)
    except (AttributeError, ValueError, yaml.YAMLError):
        return default
    return result


def toyaml(value: object, default: object = None, sort_keys: bool = False) -> object:  # noqa: FBT001, FBT002 - dbt's signature
    """Write YAML text; the default when the value has no YAML."""
    try:
        return yaml.safe_dump(value, sort_keys=sort_keys)
    except (ValueError, yaml.YAMLError):
        return default


def set_(value: Iterable[object], default: object = None) -> object:
    """Make a set; the default when the value cannot be iterated."""
    try:
        return set(value)
    except TypeError:
        return default


def set_strict(value: Iterable[object]) -> set[object]:
    """Make a set.

    Raises:
        CompilerFault: The value cannot be iterated.
    """
    try:
        return set(value)
    except TypeError as error:
        raise CompilerFault(str(error)) from error


def zip_(*iterables: Iterable[object], default: object = None) -> object:
    """Pair up the items; the default when something cannot be iterated."""
    try:
        return zip(*iterables, strict=False)
    except TypeError:
        return default


def zip_strict(*iterables: Iterable[object]) -> object:
    """Pair up the items.

    Raises:
        CompilerFault: Something cannot be iterated.
    """
    try:
        return zip(*iterables, strict=False)
    except TypeError as error:
        raise CompilerFault(str(error)) from error


def local_md5(value: str) -> str:
    """Return the MD5 of a text, in hexadecimal."""
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def diff_of_two_dicts(
    left: Mapping[str, Iterable[str]], right: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """Return, by the left's key, what the left has and the right has not; case is ignored."""
    lower = {key.lower(): {item.lower() for item in items} for key, items in right.items()}
    result = {}
    for key, items in left.items():
        rest = [item for item in items if item.lower() not in lower.get(key.lower(), set())]
        if rest:
            result[key] = rest
    return result


@pass_context
def render(context: Context, text: str) -> object:
    """Render a text inside of a text."""
    return scope_of(context).render(text)


class AnyValue:
    """``validation.any[...]``: a check that accepts every value."""

    __slots__ = ()

    def __getitem__(self, _types: object) -> Callable[[object], None]:
        return _accept


def _accept(_value: object) -> None:
    return None


def _raising(kind: str) -> Callable[..., NoReturn]:
    def give_up(*details: object, **named: object) -> NoReturn:
        shown = [str(detail) for detail in details]
        shown += [f"{name}={value}" for name, value in named.items()]
        message = ", ".join(shown)
        raise CompilerFault(f"{kind}: {message}" if kind else message)

    return give_up


_FAULTS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        **{
            name: _raising(name.removeprefix("raise_").replace("_", " "))
            for name in (
                "missing_config", "missing_materialization", "missing_relation",
                "relation_wrong_type", "column_type_missing", "raise_ambiguous_alias",
                "raise_ambiguous_catalog_match", "raise_cache_inconsistent",
                "raise_dataclass_not_dict", "raise_contract_error", "raise_database_error",
                "raise_dep_not_found", "raise_dependency_error", "raise_duplicate_patch_name",
                "raise_duplicate_resource_name", "raise_invalid_property_yml_version",
                "raise_not_implemented", "raise_fail_fast_error",
            )
        },
        "raise_compiler_error": _raising(""),
        "warn_snapshot_timestamp_data_types": lambda *_types: "",
    }
)  # fmt: skip
"""Functions of ``exceptions`` that need nothing of the rendering; made once, called by few."""


def make_exceptions(warn: Callable[[str], None]) -> dict[str, Callable[..., object]]:
    """Return ``exceptions``: each function stops the rendering, but for ``warn``."""

    def warn_and_go_on(message: object) -> str:
        warn(str(message))
        return ""

    return {**_FAULTS, "warn": warn_and_go_on}


_BOUNDED: Mapping[str, Callable[..., object]] = MappingProxyType(
    {function.__name__: bounded(function) for function in (fromjson, tojson, fromyaml, toyaml)}
)


def make_functions() -> dict[str, object]:
    """Return the functions by the names that templates use."""
    return {
        "dbt_version": DBT_VERSION,
        "return": return_,
        "fromjson": _BOUNDED["fromjson"],
        "tojson": _BOUNDED["tojson"],
        "fromyaml": _BOUNDED["fromyaml"],
        "toyaml": _BOUNDED["toyaml"],
        "set": set_,
        "set_strict": set_strict,
        "zip": zip_,
        "zip_strict": zip_strict,
        "local_md5": local_md5,
        "diff_of_two_dicts": diff_of_two_dicts,
        "render": render,
        "validation": {"any": AnyValue()},
    }
