"""Makes up queries from a seed: joins, filters, groups, windows, subqueries, unions, CTEs."""

from random import Random

_NUMBERS = {"t": ("a", "b", "x"), "u": ("id", "a", "m", "z"), "v": ("a",)}


def make_query(random: Random) -> str:
    """Return a query over the tables of the cases; the same for the same seed."""
    shapes = (_plain, _grouped, _windowed, _stacked, _set, _nested)
    return random.choice(shapes)(random)


def _sources(random: Random) -> tuple[str, list[str]]:
    """Return a FROM clause and the numeric columns that it offers."""
    tables = random.sample(list(_NUMBERS), k=random.choice((1, 2, 2, 3)))
    text = f"{tables[0]} as r0"
    columns = [f"r0.{name}" for name in _NUMBERS[tables[0]]]
    for i, table in enumerate(tables[1:], start=1):
        kind = random.choice(("join", "left join", "right join", "full join", "semi join"))
        own = [f"r{i}.{name}" for name in _NUMBERS[table]]
        text += f" {kind} {table} as r{i} on {random.choice(columns)} = {random.choice(own)}"
        if kind != "semi join":
            columns += own
    return text, columns


def _value(random: Random, columns: list[str], depth: int = 2) -> str:
    column = random.choice(columns)
    if depth == 0:
        return column
    inner = _value(random, columns, depth - 1)
    return random.choice(
        (
            column,
            f"{column} + {inner}",
            f"coalesce({column}, {inner})",
            f"case when {_condition(random, columns)} then {inner} else {column} end",
            f"nullif({inner}, {column})",
            f"(select max(w.z) from u w where w.a = {column})",
            f"(select count(*) from v w where w.a > {column})",
            f"abs({inner}) % 3",
        )
    )


def _condition(random: Random, columns: list[str]) -> str:
    column, other = random.choice(columns), random.choice(columns)
    return random.choice(
        (
            f"{column} > {random.randint(0, 3)}",
            f"{column} = {other} or {other} is null",
            f"{column} between 1 and {other}",
            f"{column} in (select w.z from u w where w.m > 1)",
            f"exists (select 1 from t w where w.a = {column} and w.x > 0)",
            f"not {column} < {other}",
        )
    )


def _plain(random: Random) -> str:
    source, columns = _sources(random)
    values = ", ".join(f"{_value(random, columns)} as c{i}" for i in range(3))
    distinct = random.choice(("", "distinct "))
    return f"select {distinct}{values} from {source} where {_condition(random, columns)}"


def _grouped(random: Random) -> str:
    source, columns = _sources(random)
    key = random.choice(columns)
    function = random.choice(("sum", "max", "count", "avg", "count(distinct"))
    close = ")" if "(" in function else ""
    call = function if close else f"{function}("
    value = _value(random, columns, 1).replace("(select", "(select")
    if "(select" in value:
        value = random.choice(columns)
    having = random.choice(("", f" having count(*) > 1 or min({random.choice(columns)}) > 0"))
    condition = _condition(random, columns)
    aggregate = f"count(distinct {value})" if close else f"{call}{value})"
    return (
        f"select {key} as k, {aggregate} as n, "
        f"sum({random.choice(columns)}) filter (where {random.choice(columns)} > 1) as f "
        f"from {source} where {condition} group by {random.choice(('1', 'all', key))}{having}"
    )


def _windowed(random: Random) -> str:
    source, columns = _sources(random)
    order = ", ".join(columns)
    function = random.choice(("sum({0})", "row_number()", "lag({0})", "max({0})", "count(*)"))
    window = (
        f"{function.format(random.choice(columns))} over "
        f"(partition by {random.choice(columns)} order by {order})"
    )
    qualify = random.choice(("", f" qualify row_number() over (order by {order}) < 6"))
    return f"select {random.choice(columns)} as c, {window} as w from {source}{qualify}"


def _stacked(random: Random) -> str:
    inner = _grouped(random)
    outer = random.choice(
        (
            "select k, n + f as s from q where n > 1",
            "select max(n) as n, min(k) as k from q",
            "select p.k, o.n from q p left join q o on p.k = o.n",
            "select * exclude (f) from q order by n, k, f limit 3",
            "select n, count(*) as c from q group by n",
        )
    )
    return f"with q as ({inner}) {outer}"


def _set(random: Random) -> str:
    kind = random.choice(("union all", "union", "except", "intersect", "union all by name"))
    return f"{_grouped(random)} {kind} {_grouped(random)}"


def _nested(random: Random) -> str:
    return (
        f"select y.c0, y.c1 + z.z as c from ({_plain(random)}) as y, "
        f"lateral (select max(u.z) as z from u where u.a = y.c2) as z "
        f"where {_condition(random, ['y.c0', 'y.c1', 'z.z'])}"
    )
