"""Small makers of diagnostics that every pass of reading uses, so that they read alike."""

from collections.abc import Iterable
from difflib import get_close_matches

from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span


def suggestion(name: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """Return ``did you mean `x`?`` for the closest known name, or nothing."""
    close = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"did you mean `{close[0]}`?" if close else ""


def unknown_key(key: str, owner: str, known: Iterable[str], where: Span | None) -> Diagnostic:
    """Warn of a key that is ignored."""
    names = sorted(known)
    hint = suggestion(key, names)
    return Diagnostic(
        code="unknown-key",
        severity="warning",
        what=f"{owner} has a key `{key}`, which is not known and is ignored",
        fix=hint or "Correct the key, or move it below `meta:`",
        where=where,
    )


def wrong_shape(what: str, where: Span | None, fix: str = "") -> Diagnostic:
    """Report an entry of a YAML file that cannot be read."""
    fix = fix or "Write it as `hw explain properties-shape` shows, or take it out"
    return Diagnostic(code="properties-shape", severity="error", what=what, fix=fix, where=where)


def duplicate(what: str, where: Span | None, other: Span | None) -> Diagnostic:
    """Report a second thing of the same name."""
    return Diagnostic(
        code="duplicate-name",
        severity="error",
        what=what,
        fix="Rename one of them",
        where=where,
        related=((other, "the first one"),) if other else (),
    )
