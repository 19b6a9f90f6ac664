"""Secrets in the Jinja of profiles and package lists: put in when all else is rendered.

A template sees a stand-in and never the secret, so that no filter can make of it what the masking
of messages does not know: ``env_var('DBT_ENV_SECRET_TOKEN') | join(' ')`` joins the stand-in.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

Value = TypeVar("Value")
_STAND_IN = "$$$secret:{}$$$"
_STANDING_IN = re.compile(r"\$\$\$secret:(.+?)\$\$\$")


def stand_in(name: str) -> str:
    """Return what a template gets for a secret."""
    return _STAND_IN.format(name)


def with_secrets(
    evaluate: Callable[[str], Value], environment: Mapping[str, str]
) -> Callable[[str], Value]:
    """Put secrets into what a function makes of a text; only whole stand-ins count.

    Args:
        evaluate: Renders a text in which ``env_var`` gives stand-ins.
        environment: The variables.
    """

    def put(found: re.Match[str]) -> str:
        return environment.get(found[1], found[0])

    def evaluate_all(text: str) -> Value:
        value = evaluate(text)
        return cast("Value", _STANDING_IN.sub(put, value)) if isinstance(value, str) else value

    return evaluate_all
