"""Where a node is built: catalog, schema and alias, through the generate_*_name macros.

Our own macros have an equal in Python, so that only projects with their own pay for rendering.
"""

from functools import partial

from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName
from headwater.jinja.context import Variables
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro
from headwater.jinja.own_text import OwnText
from headwater.project.capture import Text, open_session
from headwater.project.config import Config
from headwater.project.context import model_dict
from headwater.project.node import Node
from headwater.project.reading import Reading


def relation_of_node(reading: Reading, node: Node, text: Text) -> TableName:
    """Return where a node is built."""
    config = node.config
    target = reading.options.target
    parts: dict[str, str] = {}
    defaults = {"database": target.catalog, "schema": target.schema, "alias": default_alias(node)}
    for part in ("database", "schema", "alias"):
        custom = config.get(part)
        wanted = None if custom is None else str(custom)
        parts[part] = _named(reading, node, text, (part, wanted, defaults[part]))
    schema, database = parts["schema"], parts["database"]
    if node.resource_type == "snapshot":
        schema = str(config.get("target_schema") or schema)
        database = str(config.get("target_database") or database)
    return TableName(database, schema, parts["alias"])


def _named(reading: Reading, node: Node, text: Text, wanted: tuple[str, str | None, str]) -> str:
    part, custom, default = wanted
    macro = _written_macro_or_none(reading, node, f"generate_{part}_name")
    if macro is None:
        return _ours(part, custom, default)
    config: Config = dict(node.config)
    session = open_session(reading, text, config)
    # Strict, as in dbt: a name that a missing variable is a part of would be another table's.
    variables = Variables(reading.variables.get(node.package, {}), is_lenient=False)
    try:
        value = reading.templates.call(
            macro, custom, OwnText(model_dict(node), partial(reading.note_text, node.unique_id)),
            context={**session.context, "var": variables}, package=node.package,
        )  # fmt: skip
    except HeadwaterError as error:
        reading.found.append(diagnostic_of(error, node=node.unique_id))
        return _ours(part, custom, default)
    return str(value).strip() if value is not None else default


def _written_macro_or_none(reading: Reading, node: Node, name: str) -> Macro | None:
    """Return the macro to call; None when it, and what it dispatches to, come with us."""
    index = reading.templates.index
    macro = index.find_or_none(node.package, name)
    if macro is None or macro.package != GLOBAL_PACKAGE:
        return macro
    implementation = index.dispatch_or_none(node.package, name, GLOBAL_PACKAGE)
    return None if implementation is None or implementation.package == GLOBAL_PACKAGE else macro


def default_alias(node: Node) -> str:
    """Return the name of the table that nobody asked to name otherwise."""
    # As in dbt, a version of 0 has the model's own name.
    version = node.declared.get("version") if node.version is not None else None
    return f"{node.name}_v{str(version).replace('.', '_')}" if version else node.name


def _ours(part: str, custom: str | None, default: str) -> str:
    if not custom:
        return default
    return f"{default}_{custom.strip()}" if part == "schema" else custom.strip()
