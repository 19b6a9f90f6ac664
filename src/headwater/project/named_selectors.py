"""``selectors.yml``: named selections, with their Jinja rendered.

It is read by itself, because its names stand for nodes of the whole project and for those of no
file; what the definitions mean is the graph's.
"""

from collections.abc import Mapping
from typing import cast

from headwater.base.codec import Json
from headwater.jinja.context import Variables, make_base_context
from headwater.project.project import Project
from headwater.project.yaml_text import read_mapping

SELECTORS_FILE = "selectors.yml"


def read_named_selectors(text: str | None, project: Project) -> Mapping[str, Json]:
    """Read the content of ``selectors.yml``.

    Args:
        text: The file's; None when there is none.
        project: Whose variables, target and environment its Jinja sees.

    Raises:
        Invalid: It is no mapping, or its Jinja fails: a variable is missing.
    """
    document = read_mapping(SELECTORS_FILE, text)
    if text is None or "{" not in text:
        return document
    variables = Variables(project.vars.get(project.name, {}), is_lenient=False)
    values = project.context_values
    context = make_base_context(values.environment, variables, values.modules)
    context |= {"target": values.target, "project_name": values.project_name}

    def rendered(value: Json) -> Json:
        if isinstance(value, str) and "{" in value:
            return cast(
                "Json",
                project.templates.evaluate(
                    value, name=SELECTORS_FILE, context=context, package=project.name
                ),
            )
        if isinstance(value, dict):
            return {key: rendered(part) for key, part in value.items()}
        return [rendered(part) for part in value] if isinstance(value, list) else value

    return {key: rendered(value) for key, value in document.items()}
