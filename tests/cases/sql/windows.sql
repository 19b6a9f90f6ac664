-- case: row number
select a, row_number() over (partition by c order by b, x) as n from t;
-- a: t.a identity
-- n: t.b window, t.c window, t.x window
-- rows:

-- case: running sum
select sum(a) over (partition by c order by b, x rows between unbounded preceding and current row) as n from t;
-- n: t.a aggregation, t.b window, t.c window, t.x window
-- rows:

-- case: lag
select lag(a, 1, x) over (order by b, x, a) as n from t;
-- n: t.a transformation, t.a window, t.b window, t.x transformation, t.x window
-- rows:

-- case: first value
select first_value(a) over (partition by c order by b, x, a) as n from t;
-- n: t.a transformation, t.a window, t.b window, t.c window, t.x window
-- rows:

-- case: named window
select sum(a) over w as n, count(*) over w as m from t window w as (partition by c order by b);
-- n: t.a aggregation, t.b window, t.c window
-- m: t.* aggregation, t.b window, t.c window
-- rows:

-- case: inherited window
select sum(a) over (w order by b) as n from t window w as (partition by c);
-- n: t.a aggregation, t.b window, t.c window
-- rows:

-- case: window without order
select count(*) over () as n, max(b) over () as m from t;
-- n: t.* aggregation
-- m: t.b aggregation
-- rows:

-- case: qualify
select a, b from t qualify row_number() over (partition by a order by x, b) = 1;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a window, t.b window, t.x window

-- case: qualify by alias
select a, b, row_number() over (partition by a order by x, b) as n from t qualify n = 1;
-- a: t.a identity
-- b: t.b identity
-- n: t.a window, t.b window, t.x window
-- rows: t.a window, t.b window, t.x window

-- case: window over an aggregate
select a, rank() over (order by sum(b)) as r from t group by a;
-- a: t.a identity
-- r: t.b window
-- rows: t.a group_by

-- case: filtered window
select sum(a) filter (where x > 2) over (partition by c) as n from t;
-- n: t.a aggregation, t.c window, t.x conditional
-- rows:

-- case: window in an expression
select a - lag(a) over (order by b, x, a) as step from t;
-- step: t.a transformation, t.a window, t.b window, t.x window
-- rows:

-- case: aggregate over a window
select max(n) as m from (select row_number() over (partition by c order by b) as n from t);
-- m: t.b window, t.c window
-- rows:
