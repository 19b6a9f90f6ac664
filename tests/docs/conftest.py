"""Runs the console blocks of the guides, in order, each guide in a folder of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).parents[2] / "src")
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Shell:
    """A shell that keeps its folder between commands and has ``hw`` and this Python on its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        programs = folder / "bin"
        programs.mkdir(parents=True)
        for name, module in (("hw", "-m headwater "), ("python", "")):
            program = programs / name
            text = f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n'
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "HEADWATER_"))}
        path = f"{programs}{os.pathsep}{kept['PATH']}"
        self._environment = {**kept, "PATH": path, "PYTHONPATH": SOURCE, "HOME": str(folder)}

    def run(self, command: str) -> str:
        if command.startswith("cd "):
            self._folder /= command[3:]
            return ""
        quoted = command.replace("`", "\\`") if command.startswith("hw sql") else command
        ended = subprocess.run(
            ["sh", "-c", f"exec 2>&1\n{quoted}"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ended.stdout + (f"exit {ended.returncode}\n" if ended.returncode else "")


def examples(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a guide with the output that it shows."""
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            while expected.startswith(">"):  # the command goes on, as a shell shows it
                more, _, expected = expected.partition("\n")
                command += "\n" + more.removeprefix(">").removeprefix(" ")
            yield command, expected


def matches(actual: str, expected: str) -> bool:
    """Compare outputs; ``...`` stands for anything, and spaces within a line are one."""
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("..."))
    squeezed = re.sub(r"(?:\\ )+", r"\\s+", pattern)
    return re.fullmatch(squeezed, actual.strip(), re.DOTALL) is not None


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
