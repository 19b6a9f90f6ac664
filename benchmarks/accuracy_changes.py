"""Changes that a script makes to a project between two days, so that predictions meet new SQL.

Each is a function of its number: a model gets another text, a new model or test appears, or a
table becomes a view and back. A changed model starts from its first text each time, so that
changes do not pile up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

CONFIG = re.compile(r"\{\{\s*config\(.*?\)\s*\}\}", re.DOTALL)
FEWER = "select * from original where hash({column}) % 10 < 3"
VARIANTS = (
    "select *, md5(cast({column} as varchar)) as digest from original",
    "select *, row_number() over (order by {column}) as position_no from original",
    "select distinct * from original",
    "select * from original order by {column}",
    (
        "select original.*, others.same_key from original left join (select {column} as other_key, "
        "count(*) as same_key from original group by 1) as others "
        "on original.{column} = others.other_key"
    ),
)
"""What becomes of a model's first text; readers of its columns and its tests still hold."""
NEW_MODELS = (
    "select {column}, count(*) as n from {model} group by {column}",
    "select *, count(*) over (partition by {column}) as same_key from {model}",
    "select count(*) as n, count(distinct {column}) as keys from {model}",
    (
        "select one.* from {model} as one join (select distinct {column} from {model}) as other "
        "on one.{column} = other.{column}"
    ),
    "select * from {model} qualify row_number() over (partition by {column} order by {column}) = 1",
    "select * from {model} where hash({column}) % 7 = 0",
)
NEW_TESTS = (
    "select * from {model} where {column} is null and 1 = 0",
    "select {column} from {model} group by {column} having count(*) < 0",
)
KINDS = ("variant",) * 11 + ("model",) * 5 + ("test",) * 3 + ("view",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that a change may take.

    Attributes:
        name: Its name.
        file: Its file.
        columns: Its columns.
        is_leaf: No model reads it.
    """

    name: str
    file: Path
    columns: tuple[str, ...]
    is_leaf: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that was made.

    Attributes:
        what: One line.
        file: The file that was written.
        before: Its text before; None when there was none.
    """

    what: str
    file: Path
    before: str | None

    def undo(self) -> None:
        """Take it back."""
        if self.before is None:
            self.file.unlink()
        else:
            self.file.write_text(self.before, encoding="utf-8")


def change(project: Path, models: Sequence[Model], number: int) -> Change:
    """Make change ``number`` to a project's files."""
    choice = Random(number)  # noqa: S311 - a script's choice
    model = choice.choice(models)
    column = choice.choice(model.columns[:3])
    kind = choice.choice(KINDS)
    values = {"column": f'"{column}"', "model": "{{ ref('" + model.name + "') }}"}
    if kind in {"variant", "view"}:
        before = model.file.read_text(encoding="utf-8")
        what = _rewrite(model, kind, values, choice)
        return Change(what=what, file=model.file, before=before)
    is_test = kind == "test"
    query = choice.choice(NEW_TESTS if is_test else NEW_MODELS)
    folder = project / ("tests" if is_test else "models/added")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"added_{number}.sql"
    file.write_text(query.format(**values) + "\n", encoding="utf-8")
    return Change(what=f"{file.stem}: {query}", file=file, before=None)


def _rewrite(model: Model, kind: str, values: Mapping[str, str], choice: Random) -> str:
    """Give a model another text, made from its first one, and say what it is."""
    first = model.file.with_suffix(".first")
    if not first.exists():
        first.write_text(model.file.read_text(encoding="utf-8"), encoding="utf-8")
    text = first.read_text(encoding="utf-8")
    if kind == "view" and model.is_leaf:
        model.file.write_text("{{ config(materialized='view') }}\n" + text, encoding="utf-8")
        return f"{model.name} becomes a view"
    variant = choice.choice((*VARIANTS, FEWER) if model.is_leaf else VARIANTS)
    config = "".join(CONFIG.findall(text))
    body, last = CONFIG.sub("", text), variant.format(**values)
    model.file.write_text(f"{config}\nwith original as (\n{body}\n)\n{last}\n", encoding="utf-8")
    return f"{model.name}: {variant}"
