"""Compiled templates kept from one command to the next, by the hash of their text.

Compiling a template costs about a millisecond, loading its code a hundredth of that. An entry is
found only by exactly what it was compiled from, so that there is nothing to invalidate.
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import jinja2


class CodeStore(Protocol):
    """Keeps compiled code; losing any of it costs time and nothing else."""

    def find_or_none(self, key: bytes) -> bytes | None:
        """Return what was kept under a key."""

    def keep(self, key: bytes, code: bytes) -> None:
        """Keep code under a key."""

    def save(self) -> None:
        """Let what was kept outlive this process."""


class NoCodeStore:
    """Keeps nothing."""

    def find_or_none(self, key: bytes) -> None:
        """Find nothing."""

    def keep(self, key: bytes, code: bytes) -> None:
        """Drop it."""

    def save(self) -> None:
        """Have nothing to save."""


def code_key(text: str, name: str, line: int, *, value: bool) -> bytes:
    """Return the key of a template's code: 16 bytes.

    Args:
        text: The template.
        name: File that it comes from, which its code names in tracebacks.
        line: Line of the file that the text begins on.
        value: Whether it is compiled to give a value instead of text.
    """
    digest = hashlib.sha256(f"{name}\0{line}\0{value:d}\0".encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()[:16]


@lru_cache(maxsize=1)
def compiler_tag() -> str:
    """Identify what compiles: Python, Jinja, and our own changes to Jinja's grammar."""
    ours = (Path(__file__).parent / "environment.py").read_bytes()
    made_by = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-{jinja2.__version__}"
    return f"{made_by}-{hashlib.sha256(ours).hexdigest()[:16]}"
