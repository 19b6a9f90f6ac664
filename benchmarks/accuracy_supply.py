"""Writes the supply project: orders, lines, parts and suppliers, shaped like TPC-H, day by day.

It is here so that predictions are scored on a second project than harbor, with other shapes: wide
scans, chains of joins, windows, one day in seven with four times the orders. Every row is a
function of its own number.
"""

from pathlib import Path

BURST_DAY, BURST = 5, 4
"""On this day of seven there are so many times as many orders."""
TABLES = ("nations", "parts", "suppliers", "customers", "orders", "lines")
FIRST_DATE = "2026-01-01"

RAW = {
    "nations": "select i as nation_key, 'nation ' || i as nation, i % 5 as region_key "
    "from range(25) as r(i) where {a} = 0",
    "parts": "select i as part_key, 'part ' || hash(i) % 977 as part_name, "
    "'BRAND#' || hash(i + 1) % 25 as brand, "
    "(['PROMO', 'SMALL', 'LARGE', 'ECONOMY'])[(1 + hash(i + 2) % 4)::int] as part_type, "
    "1 + hash(i + 3) % 50 as size, 900 + hash(i + 4) % 1100 as retail_price "
    "from range(case when {a} = 0 then 0 else {parts} + {a} * 10 end, {parts} + {b} * 10) as r(i)",
    "suppliers": "select i as supplier_key, 'supplier ' || i as supplier, "
    "(hash(i) % 25)::bigint as nation_key, (hash(i + 9) % 10000) / 10.0 as balance "
    "from range({suppliers}) as r(i) where {a} = 0",
    "customers": "select i as customer_key, 'customer ' || i as customer, "
    "(hash(i) % 25)::bigint as nation_key, "
    "(['AUTO', 'FOOD', 'HOME', 'TOOLS'])[(1 + hash(i) % 4)::int] as segment, "
    "(hash(i + 5) % 100000) / 10.0 as balance from range("
    "case when {a} = 0 then 0 else {customers} + {a} * 20 end, {customers} + {b} * 20) as r(i)",
    "orders": "select o as order_key, (hash(o) % {customers})::bigint as customer_key, "
    "(['O', 'F', 'P'])[(1 + hash(o + 1) % 3)::int] as status, "
    "(hash(o + 2) % 500000) / 100.0 as total_price, date '{first}' + d::int as order_date, "
    "1 + hash(o + 3) % 5 as priority, 'clerk ' || hash(o + 4) % 1000 as clerk, "
    "repeat('x', (hash(o) % 30)::int) as comment from ({numbers})",
    "lines": "select o as order_key, n as line_number, "
    "(hash(o * 7 + n) % {parts})::bigint as part_key, "
    "(hash(o * 7 + n + 1) % {suppliers})::bigint as supplier_key, "
    "1 + hash(o + n) % 50 as quantity, "
    "(hash(o * 3 + n) % 1000000) / 100.0 as price, (hash(o + n * 5) % 11) / 100.0 as discount, "
    "(hash(o + n * 9) % 9) / 100.0 as tax, "
    "(['R', 'A', 'N'])[(1 + hash(o + n) % 3)::int] as return_flag, "
    "(['MAIL', 'SHIP', 'AIR', 'RAIL', 'TRUCK'])[(1 + hash(o * n) % 5)::int] as ship_mode, "
    "date '{first}' + d::int as order_date, "
    "date '{first}' + d::int + (1 + hash(o + n) % 120)::int as ship_date "
    "from ({numbers}), range(7) as l(n) where n <= hash(o) % 7",
}
NUMBERS = (
    "select d * 1000000 + i as o, d from range({a}, {b}) as days(d), range({orders} * {burst}) "
    "as r(i) where i < {orders} * case when d % 7 = {burst_day} then {burst} else 1 end"
)

STAGING = {
    "stg_nations": "select * from {{ source('raw', 'nations') }}",
    "stg_parts": "select * from {{ source('raw', 'parts') }}",
    "stg_suppliers": "select * from {{ source('raw', 'suppliers') }}",
    "stg_customers": "select * from {{ source('raw', 'customers') }}",
    "stg_orders": "select * exclude (comment), length(comment) as comment_length "
    "from {{ source('raw', 'orders') }}",
    "stg_lines": "select *, price * (1 - discount) as revenue from {{ source('raw', 'lines') }}",
}
MARTS = {
    "int_lines": "select l.*, o.customer_key, o.status, o.priority from {{ ref('stg_lines') }} as l"
    " join {{ ref('stg_orders') }} as o on l.order_key = o.order_key",
    "int_customers": "select c.*, n.nation, n.region_key from {{ ref('stg_customers') }} as c "
    "left join {{ ref('stg_nations') }} as n on c.nation_key = n.nation_key",
    "int_suppliers": "select s.*, n.nation, n.region_key from {{ ref('stg_suppliers') }} as s "
    "join {{ ref('stg_nations') }} as n on s.nation_key = n.nation_key",
    "pricing_summary": "select return_flag, status, sum(quantity) as quantity, sum(price) as price,"
    " sum(revenue) as revenue, avg(discount) as discount, count(*) as n "
    "from {{ ref('int_lines') }} where ship_date <= date '2026-03-01' group by all",
    "open_orders": "select l.order_key, o.order_date, sum(l.revenue) as revenue "
    "from {{ ref('stg_lines') }} as l join {{ ref('stg_orders') }} as o "
    "on l.order_key = o.order_key join {{ ref('stg_customers') }} as c "
    "on o.customer_key = c.customer_key where c.segment = 'FOOD' group by all "
    "order by revenue desc limit 100",
    "revenue_by_nation": "select c.nation, sum(l.revenue) as revenue from {{ ref('int_lines') }} as"
    " l join {{ ref('int_customers') }} as c on l.customer_key = c.customer_key "
    "join {{ ref('int_suppliers') }} as s on l.supplier_key = s.supplier_key "
    "and s.nation_key = c.nation_key group by c.nation",
    "profit": "select s.nation, p.part_type, year(l.order_date) as sold_in, "
    "sum(l.revenue - p.retail_price * l.quantity / 100) as profit from {{ ref('int_lines') }} as l "
    "join {{ ref('stg_parts') }} as p on l.part_key = p.part_key "
    "join {{ ref('int_suppliers') }} as s on l.supplier_key = s.supplier_key group by all",
    "returned": "select c.customer_key, c.customer, c.nation, sum(l.revenue) as lost "
    "from {{ ref('int_lines') }} as l join {{ ref('int_customers') }} as c "
    "on l.customer_key = c.customer_key where l.return_flag = 'R' group by all",
    "ship_modes": "select ship_mode, count(*) filter (where priority < 3) as urgent, "
    "count(*) filter (where priority >= 3) as other from {{ ref('int_lines') }} group by ship_mode",
    "promo_share": "select date_trunc('week', l.order_date) as week, "
    "sum(case when p.part_type = 'PROMO' then l.revenue else 0 end) / sum(l.revenue) as share "
    "from {{ ref('stg_lines') }} as l join {{ ref('stg_parts') }} as p "
    "on l.part_key = p.part_key group by 1",
    "big_orders": "select o.order_key, o.customer_key, sum(l.quantity) as quantity "
    "from {{ ref('stg_orders') }} as o join {{ ref('stg_lines') }} as l "
    "on o.order_key = l.order_key group by all having sum(l.quantity) > 150",
    "customer_orders": "select customer_key, count(*) as orders, sum(total_price) as spent, "
    "max(order_date) as last_order from {{ ref('stg_orders') }} group by customer_key",
    "customer_value": "select c.customer_key, c.customer, c.nation, o.orders, o.spent "
    "from {{ ref('int_customers') }} as c left join {{ ref('customer_orders') }} as o "
    "on c.customer_key = o.customer_key",
    "part_sales": "select p.part_key, p.brand, l.quantity, l.revenue from {{ ref('stg_parts') }} "
    "as p left join (select part_key, sum(quantity) as quantity, sum(revenue) as revenue "
    "from {{ ref('stg_lines') }} group by part_key) as l on p.part_key = l.part_key",
    "brand_sales": "select brand, sum(revenue) as revenue, count(*) as parts "
    "from {{ ref('part_sales') }} group by brand",
    "supplier_quality": "select supplier_key, count(*) as lines, count(distinct order_key) as "
    "orders, avg(case when return_flag = 'R' then 1.0 else 0 end) as returned "
    "from {{ ref('stg_lines') }} group by supplier_key",
    "daily_orders": "select order_date, count(*) as orders, sum(total_price) as total, "
    "count(distinct customer_key) as customers from {{ ref('stg_orders') }} group by order_date",
    "daily_running": "select order_date, orders, sum(orders) over (order by order_date) as so_far, "
    "avg(total) over (order by order_date rows 6 preceding) as week_average "
    "from {{ ref('daily_orders') }}",
    "first_orders": "select * from {{ ref('stg_orders') }} qualify row_number() over "
    "(partition by customer_key order by order_date, order_key) = 1",
    "order_ranks": "select order_key, customer_key, total_price, rank() over "
    "(partition by customer_key order by total_price desc) as place from {{ ref('stg_orders') }}",
    "events": "select order_key, order_date as event_date, 'ordered' as event "
    "from {{ ref('stg_orders') }} union all "
    "select order_key, ship_date, 'shipped' from {{ ref('stg_lines') }}",
    "event_counts": "select event, event_date, count(*) as n from {{ ref('events') }} "
    "group by event, event_date",
    "clerks": "select distinct clerk, status from {{ ref('stg_orders') }}",
}
KEPT = {
    "fct_orders": (
        "{{ config(materialized='incremental', unique_key='order_key', "
        "incremental_strategy='merge') }}\n"
        "select o.order_key, o.customer_key, o.order_date, o.status, o.total_price, "
        "sum(l.revenue) as revenue, count(*) as lines from {{ ref('stg_orders') }} as o "
        "join {{ ref('stg_lines') }} as l on o.order_key = l.order_key "
        "{% if is_incremental() %}where o.order_date >= "
        "(select max(order_date) - interval 2 day from {{ this }}){% endif %} group by all\n"
    ),
    "fct_lines": (
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n"
        "select order_key, line_number, part_key, order_date, revenue from {{ ref('stg_lines') }} "
        "{% if is_incremental() %}where order_date > "
        "(select max(order_date) from {{ this }}){% endif %}\n"
    ),
    "order_totals": "select order_date, sum(revenue) as revenue from {{ ref('fct_orders') }} "
    "group by order_date\n",
}
UNIQUE = {
    "stg_nations": "nation_key",
    "stg_parts": "part_key",
    "stg_suppliers": "supplier_key",
    "stg_customers": "customer_key",
    "stg_orders": "order_key",
    "int_customers": "customer_key",
    "int_suppliers": "supplier_key",
    "customer_orders": "customer_key",
    "customer_value": "customer_key",
    "part_sales": "part_key",
    "daily_orders": "order_date",
    "fct_orders": "order_key",
    "first_orders": "customer_key",
}
LEADS_TO = {
    ("stg_lines", "order_key"): "stg_orders",
    ("stg_lines", "part_key"): "stg_parts",
    ("stg_lines", "supplier_key"): "stg_suppliers",
    ("stg_orders", "customer_key"): "stg_customers",
    ("stg_suppliers", "nation_key"): "stg_nations",
    ("int_lines", "supplier_key"): "int_suppliers",
}
"""Foreign keys; each leads to the column of the same name and is never null."""


def raw_sql(table: str, days: range, scale: float) -> str:
    """Return the SELECT for the rows of a raw table that arrive on ``days``."""
    values = {"a": days.start, "b": days.stop, "orders": round(20000 * scale)}
    values |= {"customers": round(50000 * scale), "parts": round(20000 * scale)}
    values |= {"suppliers": round(1000 * scale), "burst": BURST, "burst_day": BURST_DAY}
    numbers = NUMBERS.format(**values)
    return RAW[table].format(first=FIRST_DATE, numbers=numbers, **values)


def write_project(folder: Path) -> None:
    """Write the project's files into ``folder``."""
    for part, models in (("staging", STAGING), ("marts", MARTS), ("kept", KEPT)):
        (folder / "models" / part).mkdir(parents=True)
        for name, sql in models.items():
            (folder / "models" / part / f"{name}.sql").write_text(f"{sql}\n", encoding="utf-8")
    (folder / "dbt_project.yml").write_text(
        "name: supply\nversion: '1.0'\nconfig-version: 2\n"
        "models:\n  supply:\n    +materialized: table\n    staging: {+materialized: view}\n",
        encoding="utf-8",
    )
    sources = "".join(f"      - name: {name}\n" for name in TABLES)
    text = f"version: 2\nsources:\n  - name: raw\n    schema: raw\n    tables:\n{sources}models:\n"
    names = sorted({*UNIQUE, *(model for model, _ in LEADS_TO)})
    text += "".join(map(_described, names))
    (folder / "models" / "schema.yml").write_text(text, encoding="utf-8")


def _described(model: str) -> str:
    """Write a model's tests."""
    lines = [f"  - name: {model}\n    columns:\n"]
    if model in UNIQUE:
        lines.append(f"      - name: {UNIQUE[model]}\n        data_tests: [unique, not_null]\n")
    for (child, column), parent in LEADS_TO.items():
        if child == model:
            lines.append(
                f"      - name: {column}\n        data_tests:\n          - not_null\n"
                "          - relationships:\n"
                f"              arguments: {{to: ref('{parent}'), field: {column}}}\n"
            )
    return "".join(lines)
