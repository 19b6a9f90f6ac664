"""Entry point of ``hw``, ``headwater`` and ``python -m headwater``."""

import os
import sys


class _Ending:
    """What the process does last.

    Python frees every value one by one before it ends, which was a fifth of the time of a command
    that had read a thousand models. This is called after all other functions that wait for the
    end, and after the last thread: only freeing is left out.
    """

    status: int | None = None

    def __call__(self) -> None:
        """End with the status, unless the command never came to one or its text has no reader."""
        if self.status is None:
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python tells of it as it does for every program
        os._exit(self.status)


def main() -> int:
    """Run the command line, as the last thing of this process."""
    import atexit

    ending = _Ending()
    atexit.register(ending)  # first of all, so that it is called last of all
    ending.status = _run()
    return ending.status


def _run() -> int:
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
