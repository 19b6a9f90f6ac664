"""What a macro takes, for the message about an argument that it does not take."""

import re
from difflib import get_close_matches

from headwater.jinja.macros import MacroIndex

_REFUSED = re.compile(r"macro '(?P<macro>\w+)' takes no keyword argument '(?P<argument>\w+)'")
_SIGNATURE = re.compile(r"\{%-?\s*\w+\s+\w+\s*\((?P<arguments>.*?)\)\s*-?%\}", re.DOTALL)
_NAME = re.compile(r"(?:^|,)\s*(\w+)")


def argument_hint(index: MacroIndex, message: str) -> str:
    """Return what a macro takes, when a message says that it was given something else; or nothing.

    Args:
        index: All macros.
        message: Jinja's message.
    """
    refused = _REFUSED.search(message)
    if refused is None:
        return ""
    names = [
        macros[refused["macro"]].text
        for macros in index.packages.values()
        if refused["macro"] in macros
    ]
    signature = _SIGNATURE.match(names[0]) if names else None
    if signature is None:
        return ""
    taken = _NAME.findall(signature["arguments"])
    near = get_close_matches(refused["argument"], taken, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"{hint}`{refused['macro']}` takes: {', '.join(taken) or 'nothing'}"
