"""Being found under dbt's name, by those who ask for it."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from headwater.base.errors import Conflict
from headwater.dbt import dbtRunner, shim

SOURCE = str(Path(shim.__file__).parents[2])


def run_python(code: str, *, path: str = SOURCE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_that_imports_dbt_finds_us_after_install() -> None:
    code = (
        "import headwater.dbt.shim as shim\n"
        "shim.install(); shim.install()\n"
        "from dbt.cli.main import dbtRunner, dbtRunnerResult\n"
        "import dbt.version\n"
        "print(dbtRunner.__module__, dbt.version.__version__.split('.')[0])\n"
        "try:\n"
        "    import dbt.adapters.factory\n"
        "except ImportError:\n"
        "    print('as without dbt')\n"
    )

    ended = run_python(code)

    assert ended.stdout.splitlines() == ["headwater.dbt.runner 1", "as without dbt"], ended.stderr


def test_nothing_is_called_dbt_unless_it_is_asked_for() -> None:
    ended = run_python("import headwater.dbt.shim, importlib.util as u; print(u.find_spec('dbt'))")

    assert ended.stdout.strip() == "None", ended.stderr


def test_dbt_itself_is_never_hidden(tmp_path: Path) -> None:
    (tmp_path / "dbt").mkdir()
    (tmp_path / "dbt" / "__init__.py").touch()

    ended = run_python(
        "import headwater.dbt.shim; headwater.dbt.shim.install()", path=f"{SOURCE}:{tmp_path}"
    )
    with pytest.raises(Conflict) as caught:
        shim.install({"dbt": ModuleType("dbt")})

    assert "would be hidden" in ended.stderr
    assert caught.value.code == "dbt-installed"


def test_the_names_lead_to_our_runner() -> None:
    modules: dict[str, ModuleType] = {}

    shim.install(modules)

    assert modules["dbt.cli.main"].dbtRunner is dbtRunner
