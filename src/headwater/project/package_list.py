"""The Jinja of packages.yml, rendered by itself: packages are fetched before a project is read."""

from collections.abc import Callable, Mapping
from typing import cast

from headwater.base.codec import Json
from headwater.jinja.context import Variables, make_base_context
from headwater.jinja.macros import MacroIndex
from headwater.jinja.modules import make_modules
from headwater.jinja.render import Templates
from headwater.jinja.secrets import with_secrets


def package_values(
    file: str, environment: Mapping[str, str], variables: Mapping[str, Json]
) -> Callable[[str], Json]:
    """Return what renders one value of packages.yml; secrets may be named in it.

    What it returns raises ``Invalid`` for a variable that is not set and has no default, and for
    every other fault of Jinja.

    Args:
        file: Name of the file, for messages.
        environment: For ``env_var``.
        variables: For ``var``: those of ``--vars``, as nothing else is read yet.
    """
    templates = Templates(MacroIndex((), root="", dispatch={}))
    seen = Variables(variables, is_lenient=False)
    context = make_base_context(environment, seen, make_modules(lambda: None), secrets=True)

    def evaluate(value: str) -> Json:
        return cast("Json", templates.evaluate(value, name=file, context=context, package=""))

    return with_secrets(evaluate, environment)
