"""What the compiled form of a template depends on, for keeping it between commands.

Compiling a template costs about a millisecond, loading its code a hundredth of that.
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

import jinja2

from headwater.base.cache import cache_key


def code_key(text: str, name: str, line: int, *, value: bool) -> bytes:
    """Return the key of a template's code.

    Args:
        text: The template.
        name: File that it comes from, which its code names in tracebacks.
        line: Line of the file that the text begins on.
        value: Whether it is compiled to give a value instead of text.
    """
    parts = (name.encode(), text.encode("utf-8", "surrogatepass"))
    return cache_key(f"{'value' if value else 'text'} at {line}", parts)


@lru_cache(maxsize=1)
def compiler_tag() -> str:
    """Identify what compiles: Python, Jinja, and our own changes to Jinja's grammar."""
    ours = (Path(__file__).parent / "environment.py").read_bytes()
    made_by = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-{jinja2.__version__}"
    return f"{made_by}-{hashlib.sha256(ours).hexdigest()[:16]}"
