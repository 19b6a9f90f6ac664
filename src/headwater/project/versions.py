"""Model versions: one properties entry with ``versions:`` becomes one entry a version.

Done before models are read, because a version's file has a name of its own, and its node takes the
name, the columns and the tests from here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.project.files import stem_of
from headwater.project.findings import unknown_key, wrong_shape
from headwater.project.node import Node, is_older_version
from headwater.project.properties import texts
from headwater.project.reading import Entry, Reading, Version

_KEYS = frozenset({
    "v", "defined_in", "description", "access", "config", "constraints", "docs", "data_tests",
    "tests", "columns", "deprecation_date",
})  # fmt: skip
_OVERRIDDEN = ("description", "access", "constraints", "docs")
_EVERYTHING = ("all", "*")
_HOW_TESTED = "write `versions: {include: [1]}` or `{exclude: [1]}`; without it all are tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """One element of ``versions:``, found to be a mapping with a ``v``.

    Attributes:
        index: Its place in the list.
        values: As written.
    """

    index: int
    values: Mapping[str, Json]

    @property
    def v(self) -> Json:
        return self.values["v"]


def read_versions(reading: Reading) -> None:
    """Find the file of every version and what is said of it."""
    for (key, package, _name), entry in list(reading.patches.items()):
        if key != "models" or not entry.values.get("versions"):
            continue
        written = list(_read_list(reading, entry))
        latest = _latest(reading, entry, written)
        files = {
            stem_of(file.path)
            for each in reading.packages
            if each.name == package
            for file in each.of_kind("model")
        }
        found = []
        for each in written:
            stem = _file_of(reading, entry, each, (latest, files))
            version = _flattened(reading, entry, each, latest)
            if stem:
                reading.versions[package, stem] = version
                found.append(version)
        reading.versioned[package, entry.name] = tuple(found)


def _read_list(reading: Reading, entry: Entry) -> Iterator[_Written]:
    versions = entry.values["versions"]
    if not isinstance(versions, list):
        reading.found.append(_fault("`versions` must be a list", entry.span("versions")))
        return
    seen: set[str] = set()
    for index, values in enumerate(versions):
        where = entry.span("versions", index)
        v = values.get("v") if isinstance(values, dict) else None
        if not isinstance(values, dict) or not _is_version(v):
            what = f"a version of `{entry.name}` has no `v`, which is a number or text"
            reading.found.append(_fault(what, where))
        elif str(v) in seen:
            what = f"`{entry.name}` has version {v} twice"
            reading.found.append(_fault(what, where))
        else:
            seen.add(str(v))
            _check_keys(reading, entry, values, index)
            yield _Written(index=index, values=values)


def _is_version(v: Json) -> bool:
    return isinstance(v, (int, float, str)) and not isinstance(v, bool) and str(v).strip() != ""


def _check_keys(reading: Reading, entry: Entry, values: Mapping[str, Json], index: int) -> None:
    owner = f"version {values['v']} of `{entry.name}`"
    for key in values:
        if key not in _KEYS:
            where = entry.span("versions", index, str(key))
            reading.found.append(unknown_key(str(key), owner, _KEYS, where))


def _latest(reading: Reading, entry: Entry, written: Iterable[_Written]) -> Json:
    """Return the version that a ``ref`` without a version means."""
    versions = [each.v for each in written]
    declared = entry.values.get("latest_version")
    if declared is None:
        return _newest(versions)
    same = [v for v in versions if str(v) == str(declared)]
    if not same:
        have = ", ".join(str(v) for v in versions)
        what = f"`latest_version: {declared}` of `{entry.name}` is none of its versions"
        where = entry.span("latest_version")
        reading.found.append(_fault(what, where, f"write one of them: {have}"))
    return same[0] if same else _newest(versions)


def _newest(versions: Iterable[Json]) -> Json:
    newest: Json = None
    for v in versions:
        if newest is None or is_older_version(newest, v):
            newest = v
    return newest


def _file_of(
    reading: Reading, entry: Entry, written: _Written, known: tuple[Json, set[str]]
) -> str:
    """Return the stem of the file with a version's query; empty, with a warning, when none is."""
    latest, files = known
    named = written.values.get("defined_in")
    usual = str(named or f"{entry.name}_v{written.v}")
    if usual in files:
        return usual
    if written.v == latest and entry.name in files:
        return entry.name
    reading.found.append(
        Diagnostic(
            code="model-versions",
            severity="warning",
            what=f"version {written.v} of `{entry.name}` has no file `{usual}`",
            why="what is said of it applies to nothing, and a ref to it finds nothing",
            fix=f"write `{usual}.sql`, or name its file with `defined_in`",
            where=entry.span("versions", written.index),
        )
    )
    return ""


def _flattened(reading: Reading, entry: Entry, written: _Written, latest: Json) -> Version:
    """Return a version's own properties, with what the model says of all of them below."""
    values = {key: value for key, value in entry.values.items() if key != "versions"}
    own = written.values
    values |= {key: own[key] for key in _OVERRIDDEN if own.get(key)}
    values |= {"version": written.v, "latest_version": latest}
    values["config"] = _merged(entry.values.get("config"), own.get("config"))
    values["deprecation_date"] = own.get("deprecation_date")
    columns = list(_columns(reading, entry, written))
    values["columns"] = [column for _path, column in columns]
    if own.get("data_tests") is not None or own.get("tests") is not None:
        values.pop("tests", None)
        values["data_tests"] = own.get("data_tests", own.get("tests"))
    return Version(
        v=written.v,
        latest=latest,
        entry=replace(entry, values=values, written=_as_written(entry, written)),
        columns=tuple(path for path, _column in columns),
    )


def _as_written(entry: Entry, version: _Written) -> Mapping[str, Json]:
    """Return a version's own part of an entry before it was rendered."""
    versions = entry.written.get("versions")
    own = versions[version.index] if isinstance(versions, list) else None
    return own if isinstance(own, dict) else {}


def tests_of_versions(reading: Reading, entry: Entry, test: Node) -> tuple[Node, ...]:
    """Make a unit test one a version of its model; as it is when the model has none."""
    model = str(entry.values.get("model"))
    versions = reading.versioned.get((entry.package, model), ())
    wanted = entry.values.get("versions")
    said = wanted if isinstance(wanted, dict) else {}
    rule: Mapping[str, Json] = {key: value for key, value in said.items() if value is not None}
    if not said:
        wanted = None if wanted == {} else wanted
    elif not rule and said.keys() <= {"include", "exclude"}:
        wanted = None  # both without a value: every version
    if wanted is not None and (len(rule) != 1 or not rule.keys() <= {"include", "exclude"}):
        what = f"`versions` of unit test `{entry.name}` must have either `include` or `exclude`"
        reading.found.append(wrong_shape(what, entry.span("versions"), _HOW_TESTED))
        return ()
    if not versions:
        if wanted is not None:
            what = f"unit test `{entry.name}` asks for versions of `{model}`, which has none"
            reading.found.append(wrong_shape(what, entry.span("versions"), _HOW_TESTED))
        return (test,)
    tested = [
        version
        for version in versions
        if str(version.v) not in texts(rule.get("exclude"))
        and ("include" not in rule or str(version.v) in texts(rule["include"]))
    ]
    if not tested:
        what = f"unit test `{entry.name}` asks for versions that `{model}` does not have"
        reading.found.append(wrong_shape(what, entry.span("versions"), _HOW_TESTED))
    return tuple(
        replace(
            test,
            unique_id=NodeId(f"{test.unique_id}_v{version.v}"),
            declared=MappingProxyType({**test.declared, "version": version.v}),
        )
        for version in tested
    )


def _merged(below: Json, own: Json) -> Json:
    if isinstance(below, dict) and isinstance(own, dict):
        return {**below, **{key: _merged(below.get(key), value) for key, value in own.items()}}
    return below if own is None else own


def _columns(
    reading: Reading, entry: Entry, written: _Written
) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Give the columns that a version keeps of the model's, then its own, each with its path."""
    own = written.values.get("columns")
    listed = own if isinstance(own, list) else []
    rules = [each for each in listed if isinstance(each, dict) and "name" not in each]
    if len(rules) > 1:
        what = f"version {written.v} of `{entry.name}` has more than one include and exclude"
        reading.found.append(_fault(what, entry.span("versions", written.index, "columns")))
    rule = rules[0] if rules else {}
    base = entry.values.get("columns")
    for index, column in enumerate(base if isinstance(base, list) else ()):
        name = str(column.get("name")) if isinstance(column, dict) else ""
        if _is_included(rule, name):
            yield ("columns", index), column
    for index, column in enumerate(listed):
        if column not in rules:
            yield ("versions", written.index, "columns", index), column


def _is_included(rule: Mapping[str, Json], name: str) -> bool:
    include, exclude = rule.get("include", "all"), rule.get("exclude")
    if isinstance(exclude, list) and name in exclude:
        return False
    return include in _EVERYTHING or (isinstance(include, list) and name in include)


def _fault(what: str, where: Span, fix: str = "") -> Diagnostic:
    return Diagnostic(
        code="model-versions",
        severity="error",
        what=what,
        fix=fix or "write a list of different versions: `versions:` and then `  - v: 1`",
        where=where,
    )
