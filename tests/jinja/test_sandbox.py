"""Attempts of a template to get out: at Python, at files, at the environment, at other models."""

import builtins
import os
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from jinja2 import Undefined
from jinja2.sandbox import SandboxedEnvironment
from tests.jinja.conftest import Render, World, make_templates
from tests.jinja.test_budgets import render_in

from headwater.base.errors import HeadwaterError
from headwater.jinja.macros import Macro
from headwater.jinja.render import Scope, Templates

DEPTH_MAX = 6
WALKS = [
    "''.__class__.__mro__[1].__subclasses__()",
    "''['__class__']['__mro__']",
    "(''|attr('__class__'))|attr('__mro__')",
    "['']|map(attribute='__class__.__mro__')|list|first|first",
    "['']|groupby('__class__')|list|first|first|attr('__mro__')",
    "['']|sum(attribute='__class__')",
    "'{0.__class__.__mro__[1].__subclasses__}'.format('')",
    "'{a.__class__.__mro__}'.format_map({'a': ''})",
    "('{0.__class__.__mro__}'|safe).format('')",
    "['{0.__class__.__mro__}'.format]|map('string')|list",
    "modules.itertools.starmap('{0.__class__.__mro__}'.format, [('',)])|list",
    "modules.re.sub('a', '{0.__class__.__mro__}'.format, 'a')",
    "ref.__globals__['__builtins__']",
    "ref.__closure__[0].cell_contents",
    "ref.__code__.co_consts",
    "ref.func_globals",
    "statement.__self__._host",
    "run_query.im_self",
    "adapter._host",
    "adapter.dispatch.__func__.__globals__",
    "adapter.Relation.__init__.__globals__",
    "adapter.Relation.mro()",
    "api.Column.__base__.__subclasses__()",
    "config._values",
    "var._values",
    "this._copy",
    "exceptions.warn.__globals__",
    "exceptions.raise_compiler_error.__closure__",
    "log.__globals__.os",
    "modules.__class__.__mro__",
    "modules.re.compile.__globals__.sys",
    "modules.re.compile('a').__class__.__mro__",
    "modules.re._compiler",
    "modules.re.sys",
    "modules.re.copyreg",
    "modules.re.functools",
    "modules.itertools.sys",
    "modules.itertools.chain.__wrapped__",
    "modules.datetime.sys",
    "modules.datetime.datetime.mro()",
    "modules.pytz.os",
    "modules.pytz.timezone.__globals__",
    "modules.pytz.timezone('UTC').__class__.__init__.__globals__",
    "modules.os.environ",
    "modules['os']['environ']",
    "modules.pytz.timezone('../../../../../../etc/passwd')",
    "fromjson.__wrapped__.__globals__",
    "tojson.__globals__",
    "fromyaml('!!python/object/apply:os.system [id]')['x']",
    "fromyaml('!!python/name:os.environ')['x']",
    "cycler.__init__.__globals__.os.environ",
    "joiner.__init__.__globals__.os.environ",
    "namespace.__init__.__globals__.os.environ",
    "lipsum.__globals__.os.environ",
    "lipsum.__closure__[0].cell_contents",
    "range.__closure__[0].cell_contents",
    "dict.__base__.__subclasses__()",
    "self.__init__.__globals__",
    "self._TemplateReference__context",
    "context.__init__.__globals__",
    "context._scope",
    "context['__scope__']",
    "context.get('__scope__').variables",
    "__scope__.variables",
    "dbt['__scope__'].variables",
    "builtins['__scope__']",
    "builtins.open('/etc/passwd')",
    "builtins.__import__('os')",
    "__builtins__",
    "__import__('os')",
    "environment.globals",
    "environment.meter",
    "open('/etc/passwd').read()",
    "target.__class__.__init__.__globals__",
    "flags.__class__.__mro__",
    "graph.__class__.__init__.__globals__",
    "model.__class__.__mro__",
    "env_var.__globals__",
    "env_var.__closure__[0].cell_contents",
    "statement.__func__.__code__",
    "dbt.generate_schema_name._scope",
    "generate_schema_name.macro.__class__.__init__.__globals__",
    "render.__globals__",
    "(1).__class__.__base__.__subclasses__()",
    "none.__class__.__init__.__globals__",
    "run_started_at.__class__.__base__.__subclasses__()",
    "validation.any.__class__.__mro__",
    "caller.__globals__",
    "varargs.__class__.__mro__[1]",
]


@pytest.mark.parametrize("expression", WALKS)
@pytest.mark.parametrize("lenient", [False, True], ids=["compiling", "reading"])
def test_no_expression_reaches_python(expression: str, lenient: bool, render: Render) -> None:
    try:
        text = render("{{ " + expression + " }}", lenient=lenient).text
    except HeadwaterError as error:
        text = error.what

    for sign in ("<class 'object'>", "<module", "<built-in", "<code", "cell at", "root:", "PATH"):
        assert sign not in text
    assert "Scope object" not in text
    assert "InternalError" not in text


@pytest.mark.parametrize(
    "text",
    [
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}",
        "{% from '/etc/passwd' import x %}",
        "{% extends '/etc/passwd' %}",
    ],
)
def test_files_cannot_be_included(text: str, render: Render) -> None:
    with pytest.raises(HeadwaterError) as caught:
        render(text)

    assert caught.value.code == "jinja-failed"
    assert "root:" not in caught.value.what


def forbidden(value: object) -> bool:
    kinds = (types.ModuleType, types.CodeType, types.FrameType, types.TracebackType, Scope)
    names = {"Templates", "TextEnvironment", "World", "Template", "Meter", "MacroIndex"}
    known = (builtins.open, builtins.__import__, builtins.getattr, builtins.vars)
    is_known = any(value is each for each in (*known, type, object, os.environ))
    return is_known or isinstance(value, kinds) or type(value).__name__ in names


def parts_of(value: object, environment: SandboxedEnvironment) -> Iterator[tuple[str, object]]:
    """Yield everything that a template gets from a value by an attribute or an item."""
    if isinstance(value, (str, int, float, bytes)):
        return
    for name in dir(value):
        with suppress(Exception):  # whatever a property raises ends the walk there
            part: object = environment.getattr(value, name)
            if not isinstance(part, Undefined):
                yield name, part
    if isinstance(value, (dict, types.MappingProxyType)):
        yield from value.items()


def test_nothing_that_attributes_and_items_lead_to_is_an_internal(
    shipped: tuple[Macro, ...], world: World
) -> None:
    templates = make_templates(shipped)
    environment = templates.template("{{ 1 }}", name="x").environment
    assert isinstance(environment, SandboxedEnvironment)
    waiting = [
        (name, value)
        for name, value in start_of_walk(templates, world).items()
        if name != "__scope__"
    ]
    seen: dict[int, object] = {}
    found = []
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen or path.count(".") > DEPTH_MAX:
            continue
        seen[id(value)] = value
        if forbidden(value):
            found.append(path)
            continue
        waiting += [(f"{path}.{name}", part) for name, part in parts_of(value, environment)]

    assert found == []
    assert len(seen) > DEPTH_MAX * 50


def start_of_walk(templates: Templates, world: World) -> dict[str, object]:
    """Return all that a template can name, taken by a rendering from inside."""
    kept: dict[str, object] = {}
    real = templates.render

    def keep(text: str, **options: object) -> object:
        context = options["context"]
        assert isinstance(context, dict)
        kept.update(context)
        return real(text, **options)  # type: ignore[arg-type]

    templates.render = keep  # type: ignore[method-assign, assignment]
    render_in(templates, world, "{{ 1 }}")
    environment = templates.template("{{ 1 }}", name="x").environment
    return {**environment.globals, **environment.filters, **environment.tests, **kept}


def test_the_environment_is_read_through_env_var_only(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "sings")

    with pytest.raises(HeadwaterError) as caught:
        render("{{ env_var('CANARY') }}")

    assert caught.value.code == "env-var-not-found"


def test_a_secret_is_read_by_no_template(render: Render) -> None:
    with pytest.raises(HeadwaterError) as caught:
        render("{{ env_var('DBT_ENV_SECRET_KEY') }}", environment={"DBT_ENV_SECRET_KEY": "x"})

    assert caught.value.code == "env-var-secret"


@pytest.mark.parametrize(
    "text",
    [
        "{% do modules.re.update({'sub': 1}) %}",
        "{% do modules.clear() %}",
        "{% do modules.datetime.clear() %}",
        "{% do modules.pytz.pop('utc') %}",
        "{% do modules.itertools.clear() %}",
    ],
)
def test_what_all_models_share_cannot_be_changed(text: str, render: Render) -> None:
    with pytest.raises(HeadwaterError) as caught:
        render(text)

    assert caught.value.code in {"jinja-failed", "jinja-undefined"}


def test_what_a_model_changes_it_sees_itself(render: Render) -> None:
    text = "{% do var('list').append(2) %}{{ var('list') }}"

    assert render(text, variables={"list": [1]}).text == "[1, 2]"


def test_no_file_is_made_or_read_by_a_template(render: Render, tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError):
        render("{{ modules.io.open('" + str(tmp_path / "x") + "', 'w') }}")

    assert list(tmp_path.iterdir()) == []
