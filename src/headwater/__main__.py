"""Entry point of ``hw``, ``headwater`` and ``python -m headwater``."""

import os
import sys


def main() -> int:
    """Run the command line."""
    import gc

    from headwater.cli.dbt_options import speaks_dbt

    # A project is hundreds of thousands of values that live until the command ends: looking for
    # cycles among them again and again was a third of a parse. Those that are made are still found.
    gc.set_threshold(1_000_000, 50, 100)
    arguments = sys.argv[1:]
    if speaks_dbt(sys.argv[0], arguments, os.environ):  # noqa: TID251 - a shell reads it
        from headwater.dbt.shell import run as run_as_dbt

        return run_as_dbt(arguments)
    from headwater.cli.main import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
