"""Our own macros: the package ``dbt`` that every project sees, read from beside this file.

They are files and not Python so that a reader finds them where macros are expected, and so that a
project can override any of them by name.
"""

from pathlib import Path

from headwater.jinja.macros import GLOBAL_PACKAGE, Macro, read_macros

_FOLDER = Path(__file__).parent / "macros"


def read_shipped_macros() -> tuple[Macro, ...]:
    """Read the macros that come with Headwater."""
    macros: list[Macro] = []
    for file in sorted(_FOLDER.glob("*.sql")):
        found, _ = read_macros(
            file.read_text(encoding="utf-8"),
            package=GLOBAL_PACKAGE,
            path=f"macros/{file.name}",
            file=f"<headwater>/macros/{file.name}",
        )
        macros += found
    return tuple(macros)
