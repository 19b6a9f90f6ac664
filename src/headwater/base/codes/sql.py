"""Codes of SQL texts: HW21xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="sql-refused",
        number="HW2107",
        title="The engine refuses a query that can be parsed",
        explain="""\
The columns of everything that the query reads are known, so the engine was asked what the query
would return, without data, before anything runs. It refused: most often a column or a function
that does not exist, or types that do not fit.

```sql
select custmer_id from {{ ref('orders') }}   -- orders has customer_id
```

Correct the name. When a pre-hook or an on-run-start hook creates what is missing, the finding is
only a warning.
""",
    ),
    Code(
        name="sql-syntax",
        number="HW2101",
        title="A query cannot be parsed",
        explain="""
What it finds: SQL that breaks the dialect's grammar, at the place shown.

Why it matters: nothing can be said about a model that does not parse: not what it reads, not what
a change to it would break.

Example:

    select id, from_ from orders where   -- the query ends too early

Mend it at the place shown. When the SQL comes out of Jinja, look at the compiled SQL
(`hw compile`): a macro may have left a comma or an empty list.
""",
    ),
    Code(
        name="query-not-traced",
        number="HW2109",
        title="A query is run, and its columns cannot be traced",
        explain="""
What it finds: a query that the engine reads and Headwater's own reading of SQL does not: a form that
is newer than it, or rare.

Why it matters: the query is built and tested as it is, in the order of its refs. But plans know only
which tables it reads, not what it makes of which column, so a change of an input counts as one that
could not be traced, and rules that read SQL say nothing.

Example:

    from (values (1)) t(id) join {{ ref('orders') }} using (id) select *

Mend it, when the lineage matters, by writing that place in a more usual way: here, `select` first.
""",
    ),
    Code(
        name="reserved-word",
        number="HW2102",
        title="A reserved word is used as a name without quotes",
        explain="""
What it finds: a column, table or alias that is a reserved word of the dialect, unquoted.

Why it matters: the engine refuses the query, often with a message about the next word.

Example:

    select order, total from sales       -- `order` starts ORDER BY

Quote it (`"order"`), or better, choose another name, so that every later query is spared the
quotes. After `as` and after a dot any word is allowed.
""",
    ),
    Code(
        name="sql-empty",
        number="HW2103",
        title="There is no SQL where a query is wanted",
        explain="""
What it finds: a model whose text, comments removed, is empty.

Why it matters: there is nothing to build. Often a Jinja condition left everything out.

Mend it: write a query, or remove or disable the model.
""",
    ),
    Code(
        name="sql-not-a-query",
        number="HW2104",
        title="A statement that is not a query, or more than one",
        explain="""
What it finds: `create`, `insert`, `set`, ... or several statements, where one query is wanted.

Why it matters: Headwater writes the statement around the query, so that tables are replaced whole
or not at all.

Example:

    create table a as select 1           -- write only: select 1

Keep the query; other statements belong into `pre_hook` or `post_hook`.
""",
    ),
    Code(
        name="sql-too-deep",
        number="HW2105",
        title="A query is too long or nests too deep",
        explain="""
What it finds: more than 150 levels of brackets, or more than 2,000,000 characters.

Why it matters: parsers recurse; a bound keeps a generated query from taking the process down.

Mend it: split the query into CTEs or models; put long lists of values into a seed.
""",
    ),
    Code(
        name="dialect-unknown",
        number="HW2106",
        title="A SQL dialect that Headwater does not read",
        explain="""
What it finds: a dialect's name that is not known.

Why it matters: the same text means different things in different dialects.

Mend it: use one of the names that the message lists.
""",
    ),
)
