"""dbt's context: every name that a template can use, made for one node.

Knows projects only through plain values (``ContextValues``, ``Subject``) and the world only through
a ``Host``, so that reading, compiling and tests share it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import Undefined

from headwater.base.errors import Invalid
from headwater.base.warehouses import Naming
from headwater.jinja.adapter import Adapter
from headwater.jinja.functions import make_exceptions, make_functions, tojson
from headwater.jinja.host import Host, QueryRows
from headwater.jinja.modules import make_modules
from headwater.jinja.relation import Relation
from headwater.jinja.secrets import stand_in
from headwater.jinja.table import ResultTable

__all__ = [
    "ConfigValue",
    "ContextValues",
    "Host",
    "QueryRows",
    "Subject",
    "Variables",
    "make_base_context",
    "make_context",
]

_NESTED = (list, dict, tuple)
SECRET_PREFIX = "DBT_ENV_SECRET"  # noqa: S105 - a prefix of names
_UNSET = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextValues:
    """What is the same for every node of a project.

    Attributes:
        project_name: Name of the root project.
        target: ``target`` in Jinja: name, type, schema, database, threads; no secrets.
        environment: Environment variables that ``env_var`` may read.
        flags: ``flags`` in Jinja: ``FULL_REFRESH``, ``WHICH`` and so on.
        run_started_at: When the command began, UTC.
        invocation_id: Identifier of the command.
        doc: Finds a docs block by package (None: any) and name; raises Invalid.
        modules: ``modules`` in Jinja.
        naming: The warehouse, and how names are written for it.
        arguments: ``invocation_args_dict``: what the command was asked; empty while reading.
        selected: ``selected_resources``: unique_ids of what it acts on; empty while reading.
        metadata: ``dbt_metadata_envs``; likewise.
        dependencies: ``project_name`` and ``version`` of every package, by name.
        variables: ``vars:`` of the root project, as they are written.
    """

    project_name: str
    target: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, object] = field(default_factory=dict)
    run_started_at: datetime
    invocation_id: str
    doc: Callable[[str | None, str], str]
    modules: Mapping[str, object] = field(default_factory=make_modules)
    naming: Naming = field(default_factory=Naming)
    arguments: Mapping[str, object] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)

    def has_flag(self, name: str) -> bool:
        """Say whether dbt_project.yml turns a flag of dbt's on."""
        return self.flags.get(name.upper()) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is rendered.

    Attributes:
        package: Its package.
        model: ``model`` in Jinja: dbt's dict of the node.
        config: ``config`` in Jinja; must be callable.
        variables: ``var`` in Jinja.
        database: Catalog it is built in; the target's when it has no relation.
        schema: Schema it is built in; the target's when it has no relation.
        graph: ``graph`` in Jinja.
    """

    package: str
    model: Mapping[str, object]
    config: object
    variables: "Variables"
    database: str
    schema: str
    graph: Mapping[str, object] = field(default_factory=dict)


def copied(value: object) -> object:
    """Copy a value of YAML, so that a template that changes it changes nothing of other nodes."""
    if isinstance(value, list):
        return [copied(part) for part in value]
    if isinstance(value, tuple):
        return tuple(copied(part) for part in value)
    if isinstance(value, Mapping):
        return {key: copied(part) for key, part in value.items()}
    return value


def own_value(own: dict[str, object], values: Mapping[str, object], name: str) -> object:
    """Return a value, as a copy that is the same one at every call of the same rendering."""
    value = values[name]
    if not isinstance(value, (list, tuple, Mapping)):
        return value
    if name not in own:
        own[name] = copied(value)
    return own[name]


class Variables:
    """``var``: the variables that a package sees.

    Args:
        values: Merged variables, strongest last, already resolved to one mapping.
        is_lenient: Answer None instead of failing, as dbt does while it reads a project.
    """

    __slots__ = ("_is_lenient", "_own", "_render", "_values")

    def __init__(self, values: Mapping[str, object], *, is_lenient: bool) -> None:
        self._render: Callable[[str], str] | None = None
        self._values = values
        self._own: dict[str, object] = {}
        self._is_lenient = is_lenient

    def __call__(self, name: str, default: object = _UNSET) -> object:
        """Return a variable, with Jinja in its text rendered, else the default.

        Raises:
            Invalid: ``var-not-found``: it is not set and there is no default.
        """
        if name in self._values:
            value = own_value(self._own, self._values, name)
            has_jinja = isinstance(value, str) and ("{{" in value or "{%" in value)
            return self._render(str(value)) if has_jinja and self._render else value
        if default is not _UNSET:
            return default
        if self._is_lenient:
            return None
        raise Invalid(
            "var-not-found",
            f"variable `{name}` is not set and has no default",
            fix=f"Set it under `vars:` in dbt_project.yml, with --vars '{{{name}: ...}}', or give "
            f"a default: var('{name}', ...)",
        )

    def render_with(self, render: Callable[[str], str] | None) -> None:
        """Render texts of variables in the rendering that asks for them; None to leave them."""
        self._render = render

    def has_var(self, name: str) -> bool:
        """Say whether a variable is set."""
        return name in self._values


class ConfigValue:
    """``config`` while a node is compiled: reads the effective config, writes nothing."""

    __slots__ = ("_own", "_values")

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._own: dict[str, object] = {}

    def __call__(self, *_positional: object, **_named: object) -> str:
        """Ignore the call: its values were taken when the project was read."""
        return ""

    def set(self, _name: str, _value: object) -> str:
        """Ignore the call, as ``__call__``."""
        return ""

    def get(self, name: str, default: object = None, validator: object = None) -> object:
        """Return an effective config value."""
        del validator
        name = name.replace("-", "_")
        return own_value(self._own, self._values, name) if name in self._values else default

    def require(self, name: str, validator: object = None) -> object:
        """Return an effective config value.

        Raises:
            Invalid: ``config-required``: it is not set.
        """
        del validator
        if self._values.get(name) is None:
            raise Invalid(
                "config-required",
                f"config `{name}` is required here and not set",
                fix=f"Set it with {{{{ config({name}=...) }}}} or in a properties file",
            )
        return own_value(self._own, self._values, name)

    def meta_get(self, name: str, default: object = None, validator: object = None) -> object:
        """Return a value of ``meta``."""
        del validator
        meta = self.get("meta")
        return meta.get(name, default) if isinstance(meta, Mapping) else default

    def meta_require(self, name: str, validator: object = None) -> object:
        """Return a value of ``meta``.

        Raises:
            Invalid: ``config-required``: it is not set.
        """
        value = self.meta_get(name, validator=validator)
        if value is None:
            raise Invalid(
                "config-required",
                f"`meta.{name}` is required here and not set",
                fix=f"set `meta: {{{name}: ...}}` in the node's config",
            )
        return value

    def persist_relation_docs(self) -> bool:
        """Whether descriptions of tables are stored in the lake."""
        return self._persists("relation")

    def persist_column_docs(self) -> bool:
        """Whether descriptions of columns are stored in the lake."""
        return self._persists("columns")

    def _persists(self, part: str) -> bool:
        wanted = self._values.get("persist_docs")
        return bool(wanted.get(part)) if isinstance(wanted, Mapping) else False


class Results:
    """``statement``, ``run_query``, ``store_result`` and ``load_result`` of one rendering."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._results: dict[str, dict[str, object]] = {}

    def statement(
        self,
        name: str | None = None,
        fetch_result: bool = False,  # noqa: FBT001, FBT002 - dbt's signature
        auto_begin: bool = True,  # noqa: FBT001, FBT002
        language: str = "sql",
        caller: Callable[[], object] | None = None,
    ) -> str:
        """Run the text of a call block; its result is kept under a name."""
        del auto_begin, language
        if self._host.execute and caller is not None:
            result = self._host.run_query(str(caller()))
            if name:
                rows = _flat(result.rows) if fetch_result else ()
                table = ResultTable([column.name for column in result.columns], rows)
                self._results[name] = {"response": "OK", "data": table.rows, "table": table}
        return ""

    def run_query(self, sql: object) -> ResultTable | None:
        """Run a query; None while the project is being read."""
        if not self._host.execute:
            return None
        result = self._host.run_query(str(sql))
        return ResultTable([column.name for column in result.columns], _flat(result.rows))

    def store_result(self, name: str, response: object = "OK", agate_table: object = None) -> str:
        """Keep a table under a name."""
        table = agate_table if isinstance(agate_table, ResultTable) else ResultTable((), ())
        self._results[name] = {"response": response, "data": table.rows, "table": table}
        return ""

    def load_result(self, name: str) -> dict[str, object] | None:
        """Return a kept result: ``response``, ``data`` and ``table``; None when there is none."""
        return self._results.get(name)


def _flat(rows: Iterable[tuple[object, ...]]) -> tuple[tuple[object, ...], ...]:
    """Write lists and structs of rows as JSON text, which is what macros get from dbt."""
    return tuple(
        tuple(tojson(value) if isinstance(value, _NESTED) else value for value in row)
        for row in rows
    )


def make_env_var(environment: Mapping[str, str], *, secrets: bool = False) -> Callable[..., object]:
    """Make ``env_var``.

    Args:
        environment: The variables.
        secrets: Whether ``DBT_ENV_SECRET...`` may be read: only in profiles and package lists.
            A template gets a stand-in, see ``with_secrets``.
    """

    def env_var(name: str, default: object = None) -> object:
        if name.startswith(SECRET_PREFIX) and not secrets:
            raise Invalid(
                "env-var-secret",
                f"`{name}` is a secret, which only profiles.yml and packages.yml may read",
                fix="use a variable without the DBT_ENV_SECRET_ prefix",
            )
        if name in environment:
            return stand_in(name) if name.startswith(SECRET_PREFIX) else environment[name]
        if default is not None:
            return default
        raise Invalid(
            "env-var-not-found",
            f"environment variable `{name}` is not set and has no default",
            fix=f"Set it, or give a default: env_var('{name}', '...')",
        )

    return env_var


def make_base_context(
    environment: Mapping[str, str],
    variables: Callable[..., object],
    modules: Mapping[str, object],
    *,
    secrets: bool = False,
) -> dict[str, object]:
    """Make the small context of YAML files: ``env_var``, ``var`` and the pure functions."""
    return {
        **make_functions(),
        "env_var": make_env_var(environment, secrets=secrets),
        "var": variables,
        "modules": modules,
    }


def make_context(values: ContextValues, subject: Subject, host: Host) -> dict[str, object]:
    """Make the context of one node.

    The result may be rendered with any number of times; ``this`` is asked of the host once.
    """
    results = Results(host)
    config = _config_of(values)
    adapter = Adapter(host, values.naming, config)
    context = make_base_context(values.environment, subject.variables, values.modules)
    context |= {
        "project_name": values.project_name,
        "target": dict(values.target),
        "flags": dict(values.flags),
        "run_started_at": values.run_started_at,
        "invocation_id": values.invocation_id,
        "doc": _doc(values),
        "execute": host.execute,
        "ref": RefFunction(host, config),
        "source": _source(host),
        "function": _function(host),
        "config": subject.config,
        "this": host.this(),
        "model": subject.model,
        "graph": subject.graph,
        "database": subject.database,
        "schema": subject.schema,
        "adapter": adapter,
        "api": {"Relation": adapter.Relation, "Column": adapter.Column},
        "exceptions": make_exceptions(host.warn),
        "log": _log(host),
        "print": lambda message: _said(host, message),
        "statement": results.statement,
        "run_query": results.run_query,
        "store_result": results.store_result,
        "load_result": results.load_result,
        "load_relation": adapter.load_relation,
        "is_incremental": host.is_incremental,
        "should_full_refresh": _should_full_refresh(values, subject),
        "thread_id": "main",
        "selected_resources": [*values.selected],
        "invocation_args_dict": dict(values.arguments),
        "dbt_metadata_envs": dict(values.metadata),
    }
    context["builtins"] = {name: context[name] for name in ("ref", "source", "config", "var")}
    return context


class _Plain(dict[str, object]):
    """A mapping that packages turn into a dict in dbt's way."""

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        return dict(self)


def _config_of(values: ContextValues) -> Mapping[str, object]:
    """Return what packages read of dbt's own config of a project, by its names there."""
    parts = ("database", "schema", "identifier")
    return {
        "project_name": values.project_name,
        "dependencies": values.dependencies,
        "vars": _Plain(values.variables),
        "quoting": dict(zip(parts, values.naming.quoted, strict=True)),
    }


class RefFunction:
    """``ref`` in Jinja.

    Attributes:
        config: What packages read of dbt's own config of the project.
    """

    __slots__ = ("_host", "config")

    def __init__(self, host: Host, config: Mapping[str, object]) -> None:
        """Answer by the host."""
        self._host = host
        self.config = config

    def __call__(self, *names: object, **options: object) -> Relation:
        """Return the relation of a node.

        Raises:
            Invalid: ``ref-arguments``, and what the host says.
        """
        asked = options.get("v", options.get("version"))
        version = asked if asked is None or isinstance(asked, (str, int, float)) else str(asked)
        texts = [str(name) for name in names if not isinstance(name, Undefined)]
        if len(texts) not in {1, 2} or len(texts) != len(names):
            raise Invalid(
                "ref-arguments",
                f"ref() takes a name, or a package and a name; got {len(names)} arguments",
                fix="Write ref('orders') or ref('package', 'orders')",
            )
        package = texts[0] if len(texts) == 2 else None  # noqa: PLR2004 - package and name
        return self._host.ref(texts[-1], package, version)


def _function(host: Host) -> Callable[..., Relation]:
    def function(*names: object) -> Relation:
        if len(names) not in {1, 2}:
            raise Invalid(
                "ref-arguments",
                f"function() takes a name, or a package and a name; got {len(names)} arguments",
                fix="Write function('plus_one') or function('package', 'plus_one')",
            )
        return host.function(str(names[-1]), str(names[0]) if len(names) > 1 else None)

    return function


def _source(host: Host) -> Callable[..., Relation]:
    def source(*names: object) -> Relation:
        if len(names) != 2:  # noqa: PLR2004 - source and table
            raise Invalid(
                "ref-arguments",
                f"source() takes a source and a table; got {len(names)} arguments",
                fix="Write source('shop', 'orders')",
            )
        return host.source(str(names[0]), str(names[1]))

    return source


def _doc(values: ContextValues) -> Callable[..., str]:
    def doc(*names: str) -> str:
        package = names[0] if len(names) > 1 else None
        return values.doc(package, names[-1])

    return doc


def _log(host: Host) -> Callable[..., str]:
    def log(message: object, info: bool = False) -> str:  # noqa: FBT001, FBT002 - dbt's signature
        host.log(str(message), info=info)
        return ""

    return log


def _said(host: Host, message: object) -> str:
    host.log(str(message), info=True)
    return ""


def _should_full_refresh(values: ContextValues, subject: Subject) -> Callable[[], bool]:
    def should_full_refresh() -> bool:
        get = getattr(subject.config, "get", None)
        wanted = get("full_refresh") if callable(get) else None
        if isinstance(wanted, bool):
            return wanted
        return bool(values.flags.get("FULL_REFRESH"))

    return should_full_refresh
