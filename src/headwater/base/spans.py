"""Places in a user's files, so that every diagnostic can point at the text that caused it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A place in a file.

    Attributes:
        file: Path relative to the project root, with forward slashes.
        line: First line, counted from 1.
        column: First column, counted from 1, in characters.
        end_column: Column after the last character on ``line``; None when only the start is known.
    """

    file: str
    line: int = 1
    column: int = 1
    end_column: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def span_at(file: str, text: str, offset: int, length: int = 0) -> Span:
    """Turn a character offset in ``text`` into a span of ``length`` characters on that line."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    end = column + length if length else None
    return Span(file=file, line=line, column=column, end_column=end)


def offset_of(text: str, line: int, column: int) -> int:
    """Return the character offset of a place in ``text``; the reverse of ``span_at``."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1
