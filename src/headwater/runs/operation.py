"""A macro called by itself (dbt's ``run-operation``), as the text that calls it.

Macros are reached only through Jinja, so the call is written as one; arguments travel as JSON,
which no value can leave.
"""

import json
import re
from collections.abc import Mapping

from headwater.base.codec import Json
from headwater.base.errors import Invalid
from headwater.project.project import Project

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)


def statement_of(sql: str) -> str:
    """Return the Jinja that runs a query, in which Jinja may stand."""
    return f"{{% call statement('operation', fetch_result=true) %}}{sql}{{% endcall %}}"


def operation_id(project: Project, macro: str) -> str:
    """Return the unique_id of a macro called by itself; ``operation.PROJECT.sql`` for a query."""
    if not macro:
        return f"operation.{project.name}.sql"
    package, _, name = macro.rpartition(".")
    index = project.templates.index
    found = index.find_in_or_none(package, name) if package else None
    found = found or index.find_or_none(project.name, name)
    return f"macro.{project.name}.{name}" if found is None else found.unique_id


def macro_call(macro: str, arguments: Mapping[str, Json]) -> str:
    """Return the Jinja that calls a macro.

    Raises:
        Invalid: ``usage-invalid``.
    """
    if not _NAME.fullmatch(macro):
        raise Invalid(
            "usage-invalid",
            f"`{macro}` is not the name of a macro",
            fix="give NAME or PACKAGE.NAME, and its arguments by --args '{name: value}'",
        )
    values = json.dumps(json.dumps(dict(arguments), default=str))
    return f"{{% do {macro}(**fromjson({values})) %}}"
