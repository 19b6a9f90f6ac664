"""Runs a Python model in a session: its inputs are DuckDB relations, its result becomes a view.

The model runs in this process with the rights of the user, as hooks and packages do.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from headwater.base.errors import HeadwaterError, UserCodeError
from headwater.engines.duckdb.errors import DRIVER_ERRORS
from headwater.engines.engine import PythonModel

RESULT = "hw_python_result"
"""Temporary view of what the model returned."""


class _Config:
    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __call__(self, **_named: object) -> None:
        """Ignore the call: its values were read before."""

    def get(self, name: str, default: object = None) -> object:
        """Return an effective config value."""
        value = self._values.get(name)
        return default if value is None else value

    def meta_get(self, name: str, default: object = None) -> object:
        """Return a value of ``meta``."""
        meta = self._values.get("meta")
        value = meta.get(name) if isinstance(meta, Mapping) else None
        return default if value is None else value

    def meta_require(self, name: str) -> object:
        """Return a value of ``meta``.

        Raises:
            KeyError: It is not set.
        """
        value = self.meta_get(name)
        if value is None:
            raise KeyError(name)
        return value


class _This:
    def __init__(self, model: PythonModel) -> None:
        name = model.this
        self.database, self.schema, self.identifier = name.catalog, name.schema, name.name
        self._text = name.quoted()

    def __repr__(self) -> str:
        return self._text


class _Dbt:
    """The ``dbt`` object of a Python model."""

    def __init__(self, model: PythonModel, raw: duckdb.DuckDBPyConnection) -> None:
        self._model = model
        self._raw = raw
        self.config = _Config(model.config)
        self.this = _This(model)
        self.is_incremental = _IsIncremental(value=model.is_incremental)

    def ref(self, *names: str, **_version: object) -> duckdb.DuckDBPyRelation:
        """Return the relation of a model, seed or snapshot."""
        return self._relation("ref." + ".".join(names))

    def source(self, source_name: str, name: str) -> duckdb.DuckDBPyRelation:
        """Return the relation of a source table."""
        return self._relation(f"source.{source_name}.{name}")

    def _relation(self, key: str) -> duckdb.DuckDBPyRelation:
        return self._raw.sql(f"SELECT * FROM {self._model.inputs[key].quoted()}")  # noqa: S608 - quoted


class _Stream:
    """A frame shown by its Arrow stream alone; the driver would ask for pyarrow otherwise."""

    def __init__(self, frame: Any) -> None:  # noqa: ANN401 - anything with a stream
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


class _IsIncremental:
    """Both ``dbt.is_incremental`` and ``dbt.is_incremental()`` are written."""

    def __init__(self, *, value: bool) -> None:
        self._value = value

    def __call__(self) -> bool:
        return self._value

    def __bool__(self) -> bool:
        return self._value


def run_python(raw: duckdb.DuckDBPyConnection, model: PythonModel) -> str:
    """Run a model and return the query of its rows.

    Raises:
        UserCodeError: ``python-model-failed``.
    """
    dbt = _Dbt(model, raw)
    names: dict[str, object] = {"__name__": f"dbt_model_{model.name}"}
    try:
        exec(compile(model.code, model.file, "exec"), names)  # noqa: S102 - the user's own model
        function = names["model"]
        result = function(dbt, raw)  # type: ignore[operator] # reading found a function
        if isinstance(result, duckdb.DuckDBPyRelation):
            result.create_view(RESULT, replace=True)
        else:
            is_pandas = type(result).__module__.partition(".")[0] == "pandas"
            has_stream = hasattr(result, "__arrow_c_stream__") and not is_pandas
            raw.register(RESULT, _Stream(result) if has_stream else result)
    except HeadwaterError:
        raise
    except (*DRIVER_ERRORS, Exception) as error:
        raise _failed(model, error) from error
    return f'SELECT * FROM "{RESULT}"'  # noqa: S608 - ours


def _failed(model: PythonModel, error: Exception) -> UserCodeError:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == model.file:
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f" in line {line}" if line else ""
    return UserCodeError(
        "python-model-failed",
        f"Python model `{model.name}` failed{place}: {type(error).__name__}: {error}",
        why="a model returns a DuckDB relation, a pandas or Polars frame or an Arrow table",
        fix=f"mend `{model.file}`; nothing was published",
    )
