"""The table of commands; each is imported only when it is called."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    raise NotImplementedError(arguments)
