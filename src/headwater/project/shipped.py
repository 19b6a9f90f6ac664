"""Our own macros: the package ``dbt`` that every project sees, read from beside this file.

They are files and not Python so that a reader finds them where macros are expected, and so that a
project can override any of them by name. Those of one warehouse are in ``macros/warehouses``, a
file a dispatch prefix.
"""

from pathlib import Path

from headwater.base.warehouses import DUCKDB
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro, read_macros

_FOLDER = Path(__file__).parent / "macros"


def read_shipped_macros(prefixes: tuple[str, ...] = DUCKDB.prefixes) -> tuple[Macro, ...]:
    """Read the macros that come with Headwater.

    Args:
        prefixes: Dispatch prefixes of the warehouse; another one's macros are not read.
    """
    macros: list[Macro] = []
    own = (_FOLDER / "warehouses" / f"{prefix}.sql" for prefix in reversed(prefixes))
    for file in (*sorted(_FOLDER.glob("*.sql")), *(file for file in own if file.exists())):
        found, _ = read_macros(
            file.read_text(encoding="utf-8"),
            package=GLOBAL_PACKAGE,
            path=f"macros/{file.relative_to(_FOLDER).as_posix()}",
            file=f"<headwater>/macros/{file.relative_to(_FOLDER).as_posix()}",
        )
        macros += found
    return tuple(macros)
