"""The folders that a dbt_project.yml names, in which Jinja may ask for variables.

They are needed before anything else of the project is read, so only ``env_var`` and the ``var`` of
``--vars`` have an answer.
"""

from collections.abc import Callable, Mapping

from headwater.base.codec import Json

Evaluate = Callable[[str], Json]


def with_folders(settings: Mapping[str, Json], evaluate: Evaluate) -> Mapping[str, Json]:
    """Render the folders among the settings of a project file; others stay as they are.

    Args:
        settings: The file's content.
        evaluate: Renders one value.

    Raises:
        Invalid: As ``evaluate`` does: a variable is not set, or Jinja has another fault.
    """
    named = {key: value for key, value in settings.items() if _names_folders(key)}
    return {**settings, **{key: _rendered(value, evaluate) for key, value in named.items()}}


def _names_folders(key: str) -> bool:
    return key.endswith(("-path", "-paths")) or key == "clean-targets"


def _rendered(value: Json, evaluate: Evaluate) -> Json:
    if isinstance(value, list):
        return [_rendered(each, evaluate) for each in value]
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return evaluate(value)
    return value
