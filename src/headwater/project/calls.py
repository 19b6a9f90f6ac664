"""References written as text in properties files, such as ``ref('orders', v=2)``."""

import re
from collections.abc import Iterator

from headwater.project.node import Ref, SourceRef

_REFERENCE = re.compile(
    r"\b(?P<call>ref|source)\s*\(\s*['\"](?P<first>[^'\"]+)['\"]"
    r"(?:\s*,\s*['\"](?P<second>[^'\"]+)['\"])?"
    r"(?:\s*,\s*v(?:ersion)?\s*=\s*(?:['\"](?P<quoted>[^'\"]+)['\"]|(?P<number>[\d.]+)))?"
)


def calls_in(written: str) -> Iterator[Ref | SourceRef]:
    """Give the references in a text, in order."""
    for match in _REFERENCE.finditer(written):
        first, second = match["first"], match["second"]
        if match["call"] == "ref":
            name, package = (second, first) if second else (first, None)
            yield Ref(name=name, package=package, version=match["quoted"] or match["number"])
        elif second:
            yield SourceRef(source_name=first, name=second)
