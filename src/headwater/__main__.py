"""Entry point of ``hw``, ``headwater`` and ``python -m headwater``."""

import sys


def main() -> int:
    """Run the command line."""
    from headwater.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
