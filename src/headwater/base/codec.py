"""Values to JSON and back: the only place that knows how our dataclasses look on the wire.

Encoding is msgspec's. Decoding is built once per type from its annotations, because msgspec does
not tell apart the dataclasses of a union; here a field ``kind`` whose type is a ``Literal`` does.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def encode(value: object) -> bytes:
    """Write a value as compact JSON with keys in the order of its fields."""
    return msgspec.json.encode(value, enc_hook=_encode_other)


def packed(value: object) -> Json:
    """Write a part of a document now, to stand in it as it is: texts take less memory than dicts.

    Such a document can only be encoded.
    """
    return cast("Json", msgspec.Raw(encode(value)))


def encode_pretty(value: object) -> str:
    """Write a value as indented JSON text that ends with a newline."""
    return msgspec.json.format(encode(value), indent=2).decode() + "\n"


def pack(value: object) -> bytes:
    """Write a value in the compact form of caches, which only ``unpack_or_none`` reads."""
    return msgspec.msgpack.encode(value, enc_hook=_encode_other)


def unpack_or_none(wanted: type[T], data: bytes) -> T | None:
    """Read a value from a cache; None when it does not have the shape of ``wanted``.

    For types whose parts tell themselves apart: no unions of dataclasses.
    """
    try:
        return msgspec.msgpack.decode(data, type=wanted)
    except msgspec.DecodeError:
        return None


def decode_plain_or_none(wanted: type[T], text: bytes) -> T | None:
    """Read many small values from JSON fast; None when one does not have the shape of ``wanted``.

    For the same types as ``unpack_or_none``.
    """
    try:
        return msgspec.json.decode(text, type=wanted)
    except msgspec.DecodeError:
        return None


def to_builtins(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Turn a value into dicts, lists and scalars."""
    return msgspec.to_builtins(value, enc_hook=_encode_other)


def decode(wanted: type[T], text: bytes | str) -> T:
    """Read a value of type ``wanted`` from JSON.

    Raises:
        ValueError: The text is not JSON or does not have the shape of ``wanted``.
    """
    try:
        return from_builtins(wanted, msgspec.json.decode(text))
    except msgspec.DecodeError as error:
        message = f"not JSON: {error}"
        raise ValueError(message) from error


def from_builtins(wanted: type[T], value: object) -> T:
    """Read a value of type ``wanted`` from dicts, lists and scalars.

    Unknown keys are ignored: a minor version only adds.

    Raises:
        ValueError: The value does not have the shape of ``wanted``.
    """
    try:
        return _builder(wanted)(value)  # type: ignore[no-any-return, arg-type]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"not a {getattr(wanted, '__name__', wanted)}: {error!r}"
        raise ValueError(message) from error


def from_hand(wanted: type[T], value: Json | Mapping[str, Json]) -> T:
    """Read a value from what a person wrote: a name that nobody reads is a fault too.

    For types whose parts tell themselves apart: no unions of dataclasses.

    Raises:
        ValueError: The value does not have the shape of ``wanted``; the text says where.
    """
    try:
        found = msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    unknown = _unread(value, msgspec.to_builtins(found, enc_hook=_encode_other), "$")
    if unknown:
        message = f"nobody reads `{unknown}`"
        raise ValueError(message)
    return found


def _unread(given: object, read: object, path: str) -> str:
    """Return the path of the first key that is in ``given`` and was not read; empty for none."""
    if isinstance(given, Mapping) and isinstance(read, Mapping):
        pairs = [(f"{path}.{key}", given[key], read.get(key)) for key in given]
        if missing := [at for at, _, _ in pairs if at.rpartition(".")[2] not in read]:
            return missing[0]
    elif isinstance(given, (list, tuple)) and isinstance(read, (list, tuple)):
        matched = zip(given, read, strict=False)
        pairs = [(f"{path}[{at}]", one, other) for at, (one, other) in enumerate(matched)]
    else:
        return ""
    return next((found for at, one, other in pairs if (found := _unread(one, other, at))), "")


def _encode_other(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, datetime):  # a subclass, as tools that freeze time make them
        return value.isoformat()
    if value is None or isinstance(value, bool):  # asked only for keys, which YAML lets be anything
        return {None: "null", True: "true", False: "false"}[value]
    message = f"no JSON for {type(value).__name__}"
    raise NotImplementedError(message)


Build = Callable[[Any], Any]


@lru_cache(maxsize=512)
def _builder(wanted: Any) -> Build:  # noqa: ANN401 - annotations are of any type
    if isinstance(wanted, NewType):
        return _builder(wanted.__supertype__)
    if is_dataclass(wanted):
        return _dataclass_builder(wanted)
    origin = get_origin(wanted)
    if origin in {Union, UnionType}:
        return _union_builder(get_args(wanted))
    if origin is tuple:
        return _tuple_builder(get_args(wanted))
    if origin in {list, set, frozenset}:
        item, make = _builder(get_args(wanted)[0]), origin
        return lambda value: make(item(part) for part in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _builder(get_args(wanted)[1])
        return lambda value: MappingProxyType({key: item(part) for key, part in value.items()})
    return _scalar_builder(wanted, origin)


def _scalar_builder(wanted: Any, origin: Any) -> Build:  # noqa: ANN401
    if origin is Literal:
        allowed = get_args(wanted)
        return lambda value: _check(value in allowed, value, wanted)
    if wanted is float:
        return lambda value: float(_check(isinstance(value, (int, float)), value, wanted))
    if wanted in {int, str, bool, NoneType}:
        return lambda value: _check(type(value) is wanted, value, wanted)
    return lambda value: value


def _tuple_builder(arguments: tuple[Any, ...]) -> Build:
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        item = _builder(arguments[0])
        return lambda value: tuple(item(part) for part in value)
    items = [_builder(argument) for argument in arguments]
    return lambda value: tuple(item(part) for item, part in zip(items, value, strict=True))


def _check(holds: bool, value: object, wanted: object) -> Any:  # noqa: ANN401, FBT001
    if not holds:
        message = f"{value!r} is not {wanted}"
        raise TypeError(message)
    return value


def _dataclass_builder(wanted: Any) -> Build:  # noqa: ANN401
    hints = get_type_hints(wanted)
    parts = [
        (
            field.name,
            _builder(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(wanted)
        if field.init
    ]

    def build(value: Any) -> Any:  # noqa: ANN401
        _check(isinstance(value, Mapping), value, wanted)
        return wanted(
            **{name: make(value[name]) for name, make, needed in parts if needed or name in value}
        )

    return build


def _union_builder(members: tuple[Any, ...]) -> Build:
    if any(get_origin(member) is dict for member in members):
        return lambda value: value  # Json: any JSON value is one
    kinds: dict[str, Build] = {}
    others: list[Any] = []
    for member in members:
        kind = get_type_hints(member).get("kind") if is_dataclass(member) else None
        if get_origin(kind) is Literal:
            kinds |= dict.fromkeys(get_args(kind), _builder(member))
        elif member is not NoneType:
            others.append(_builder(member))
    allows_none = NoneType in members

    def build(value: Any) -> Any:  # noqa: ANN401
        if value is None and allows_none:
            return None
        if isinstance(value, Mapping) and value.get("kind") in kinds:
            return kinds[value["kind"]](value)
        for other in others:
            try:
                return other(value)
            except (TypeError, KeyError, ValueError):
                continue
        return _check(holds=False, value=value, wanted=members)

    return build
