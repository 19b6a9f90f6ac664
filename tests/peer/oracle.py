"""Asks dbt-core about a project; runs in dbt's own environment and prints nothing of its own.

Called as ``python oracle.py REQUEST.json``. The request names the project's folder, where artifacts
go, and what is wanted: ``build`` before all else, ``compile`` of every node, ``ls`` of selections.
Unlike ``dbt compile`` this goes on after a node that cannot be compiled, so that one model of a
package that lacks a DuckDB form does not hide the thousand others.
"""

import io
import json
import sys
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.task.compile import CompileTask
from dbt_common.invocation import get_invocation_id

from dbt import tracking


class _Tolerant:
    """What replaces two methods of dbt's task: a failing node is told, and hides nothing."""

    @staticmethod
    def raise_on_first_error(_task: object) -> bool:
        return False

    @staticmethod
    def mark_dependent_errors(*_arguments: object, **_options: object) -> None:
        return None


def main(request: dict[str, Any]) -> dict[str, Any]:
    CompileTask.raise_on_first_error = _Tolerant.raise_on_first_error
    CompileTask._mark_dependent_errors = _Tolerant.mark_dependent_errors
    places = [
        "--project-dir", request["project"], "--profiles-dir", request["project"],
        "--target-path", request["target"], "--log-path", request["target"],
        "--log-level", "none",
    ]  # fmt: skip
    _begin_at(request["moment"])
    answer: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        parsed = dbtRunner().invoke(["parse", "--no-partial-parse", *places])
        if not parsed.success:
            return {"error": str(parsed.exception)}
        manifest = Path(request["target"]) / "manifest.json"
        # Compiling notes the macros that only run then in the same file.
        manifest.rename(manifest.with_name("parsed.json"))
        runner = dbtRunner(parsed.result)
        if request.get("build"):
            # Without tests: one that fails keeps readers from being built, there or here.
            without = ["--exclude-resource-type", "test", "unit_test"]
            dbtRunner().invoke(["build", *without, *places])
        if request.get("selections"):
            answer["ls"] = [_listed(runner, case, places) for case in request["selections"]]
        if request.get("compile"):
            compiled = json.dumps(_compiled(runner, places))
            compiled = compiled.replace(get_invocation_id(), request["invocation"])
            answer["compile"] = json.loads(compiled)
    return answer


def _begin_at(moment: str) -> None:
    """Let each command begin at the same time: `run_started_at` is in what some models compile."""
    made = tracking.User.__init__

    def make(user: tracking.User, *given: object) -> None:
        made(user, *given)
        user.run_started_at = datetime.fromisoformat(moment)

    tracking.User.__init__ = make


def _compiled(runner: dbtRunner, places: list[str]) -> dict[str, Any]:
    ended = runner.invoke(["compile", *places])
    if ended.result is None:
        return {"error": str(ended.exception)}
    return {
        result.node.unique_id: {
            "status": str(result.status),
            "code": result.node.compiled_code,
            "message": result.message,
        }
        for result in ended.result.results
    }


def _listed(runner: dbtRunner, case: dict[str, Any], places: list[str]) -> list[str] | str:
    arguments = ["ls", *places, "--quiet", "--output", "json", "--output-keys", "unique_id"]
    for option in ("select", "exclude"):
        if case[option]:
            arguments += [f"--{option}", *case[option]]
    arguments += ["--indirect-selection", case["indirect"]]
    ended = runner.invoke(arguments)
    if not ended.success:
        return "error"
    return sorted(json.loads(line)["unique_id"] for line in ended.result)


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(asked["answer"]).write_text(json.dumps(main(asked)), encoding="utf-8")
