"""Codes of ad-hoc queries: HW805x."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="view-too-deep",
        number="HW8051",
        title="Views lie too deep within each other",
        explain="""A view reads a view that reads a view, more than a hundred deep; most probably
one of them reads itself. `hw table describe NAME` shows a view's SQL. Build one of the models between
them as a table.""",
    ),
    Code(
        name="view-has-no-versions",
        number="HW8052",
        title="An older version of a view was asked for",
        explain="""Tables have versions, views do not: a view is SQL that runs when it is read. Ask
for a version of a table that the view reads, or build the model as a table to keep its versions.""",
    ),
    Code(
        name="timestamp-unreadable",
        number="HW8053",
        title="The time of TIMESTAMP AS OF cannot be read",
        explain="""Write an ISO 8601 date or time: `'2026-11-21'`, `'2026-11-21T06:02:00'` (UTC) or
`'2026-11-21T06:02:00+01:00'`. The version in force at that time is read.""",
    ),
    Code(
        name="path-not-queryable",
        number="HW8054",
        title="A path in a query is no table, view or file that can be read by its path",
        explain="""A query reads:

- tables and views by name: `orders`, `main.orders`, `shop.main.orders`;
- older versions of tables: `orders@v3`, `orders VERSION AS OF 3`;
- any Delta table by its folder or URL: delta.`/data/orders`;
- files whose name ends in `.csv`, `.parquet` or `.json`, and other files through a reader:
  `read_csv('path')`, `read_parquet('path')`, `read_json('path')`, `read_text('path')`.

A path that is none of these names nothing. `hw table list` shows the tables and views.""",
    ),
)
