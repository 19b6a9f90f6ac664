"""References written as text in properties files, such as ``ref('orders', v=2)``."""

import re
from collections.abc import Iterator

from headwater.project.node import Ref, SourceRef

_REFERENCE = re.compile(
    r"\b(?P<call>ref|source)\s*\(\s*['\"](?P<first>[^'\"]+)['\"]"
    r"(?:\s*,\s*['\"](?P<second>[^'\"]+)['\"])?"
    r"(?:\s*,\s*v(?:ersion)?\s*=\s*(?:['\"](?P<quoted>[^'\"]+)['\"]|(?P<number>[\d.]+)))?"
)
_METRIC = re.compile(
    r"\bmetric\s*\(\s*['\"](?P<first>[^'\"]+)['\"](?:\s*,\s*['\"](?P<second>[^'\"]+)['\"])?"
)


def metrics_in(written: str) -> Iterator[str]:
    """Give the names of the metrics that a text refers to with ``metric()``, in order."""
    for match in _METRIC.finditer(written):
        yield match["second"] or match["first"]


def calls_in(written: str) -> Iterator[Ref | SourceRef]:
    """Give the references in a text, in order."""
    for match in _REFERENCE.finditer(written):
        first, second = match["first"], match["second"]
        if match["call"] == "ref":
            name, package = (second, first) if second else (first, None)
            version = match["quoted"] or _number_or_none(match["number"])
            yield Ref(name=name, package=package, version=version)
        elif second:
            yield SourceRef(source_name=first, name=second)


def _number_or_none(written: str | None) -> int | float | str | None:
    if written is None or written.isdigit():
        return written and int(written)
    try:
        return float(written)
    except ValueError:
        return written
