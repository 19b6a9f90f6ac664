"""House rules that a linter cannot keep: sizes, first sentences, no rooms called utils."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
FILES = sorted(SOURCE.rglob("*.py"))
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
FORBIDDEN_NAMES = {"utils", "common", "helpers", "core", "services", "managers", "misc"}


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if not body:
        return 0
    return (node.end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_file_keeps_the_house_limits(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]

    too_long = {
        f.name: function_lines(f) for f in functions if function_lines(f) > FUNCTION_LINES_MAX
    }

    assert text.count("\n") <= FILE_LINES_MAX
    assert too_long == {}
    assert ast.get_docstring(tree), "a module starts with a sentence that says what it is"
    assert file.stem not in FORBIDDEN_NAMES


REPORTS = {
    "Diagnostic", "Invalid", "NotFound", "Denied", "Conflict", "Unavailable", "DataDamaged",
    "UserCodeError", "SqlFault",
}  # fmt: skip
"""What users are told with; an InternalError asks for a bug report instead."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_whoever_reports_a_fault_says_how_to_mend_it(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))

    without = [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in REPORTS
        and not {"fix", None} & {keyword.arg for keyword in call.keywords}
    ]

    assert without == []


def test_no_package_is_called_after_nothing() -> None:
    folders = {folder.name for folder in SOURCE.rglob("*") if folder.is_dir()}

    assert not folders & FORBIDDEN_NAMES
