"""Entry point of ``hw``, ``headwater`` and ``python -m headwater``."""

import sys


def main() -> int:
    """Run the command line."""
    import gc

    from headwater.cli.main import run

    # A project is hundreds of thousands of values that live until the command ends: looking for
    # cycles among them again and again was a third of a parse. Those that are made are still found.
    gc.set_threshold(100_000, 50, 100)
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
