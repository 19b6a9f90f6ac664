-- case: count of rows
select count(*) as n from t;
-- n: t.* aggregation
-- rows:

-- case: count of values
select count(a) as n, count(distinct b) as m from t;
-- n: t.a aggregation masked
-- m: t.b aggregation masked
-- rows:

-- case: sum by key
select a, sum(b) as n from t group by a;
-- a: t.a identity
-- n: t.b aggregation
-- rows: t.a group_by

-- case: sum by position
select a, sum(b) as n from t group by 1;
-- a: t.a identity
-- n: t.b aggregation
-- rows: t.a group_by

-- case: sum by alias
select a % 3 as k, sum(b) as n from t group by k;
-- k: t.a transformation
-- n: t.b aggregation
-- rows: t.a group_by

-- case: group by all
select a, c, sum(b) as n from t group by all;
-- a: t.a identity
-- c: t.c identity
-- n: t.b aggregation
-- rows: t.a group_by, t.c group_by

-- case: group by all with an expression
select a + 1 as k, max(b) - min(x) as n from t group by all;
-- k: t.a transformation
-- n: t.b aggregation, t.x aggregation
-- rows: t.a group_by

-- case: group by more than is shown
select sum(b) as n from t group by a, c;
-- n: t.b aggregation
-- rows: t.a group_by, t.c group_by

-- case: rollup
select a, c, sum(b) as n from t group by rollup (a, c);
-- a: t.a identity
-- c: t.c identity
-- n: t.b aggregation
-- rows: t.a group_by, t.c group_by

-- case: cube and grouping sets
select a, c, count(*) as n from t group by grouping sets ((a), (a, c), ());
-- a: t.a identity
-- c: t.c identity
-- n: t.* aggregation
-- rows: t.a group_by, t.c group_by

-- case: having
select a from t group by a having sum(b) > 2;
-- a: t.a identity
-- rows: t.a group_by, t.b filter

-- case: having by alias
select a, sum(b) as n from t group by a having n > 2;
-- a: t.a identity
-- n: t.b aggregation
-- rows: t.a group_by, t.b filter

-- case: filtered aggregate
select sum(b) filter (where x > 1) as n from t;
-- n: t.b aggregation, t.x conditional
-- rows:

-- case: ordered aggregate
select a, string_agg(c, ',' order by b) as v, list(c order by b desc) as w from t group by a;
-- a: t.a identity
-- v: t.b sort, t.c aggregation
-- w: t.b sort, t.c aggregation
-- rows: t.a group_by

-- case: arg_max uses both
select a, arg_max(b, x) as v from t group by a;
-- a: t.a identity
-- v: t.b aggregation, t.x aggregation
-- rows: t.a group_by

-- case: percentile within a group
select percentile_cont(0.5) within group (order by b) as v from t;
-- v: t.b aggregation
-- rows:

-- case: sum of a case
select sum(case when a > 2 then b end) as n from t;
-- n: t.a conditional, t.b aggregation
-- rows:

-- case: aggregate of an aggregate
select max(n) as m from (select a, sum(b) as n from t group by a);
-- m: t.b aggregation
-- rows: t.a group_by

-- case: distinct
select distinct a, b from t;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a group_by, t.b group_by

-- case: distinct on
select distinct on (a) a, b from t order by a, x, b;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a group_by, t.a sort, t.b sort, t.x sort

-- case: aggregate over a join
select t.c, count(*) as n, sum(u.z) as m from t left join u on t.a = u.a group by t.c;
-- c: t.c identity
-- n: t.* aggregation, u.* aggregation
-- m: u.z aggregation
-- rows: t.a join, t.c group_by, u.a join

-- case: first and last by order
select a, first(b order by x, b) as f, last(b order by x, b) as g from t group by a;
-- a: t.a identity
-- f: t.b aggregation, t.b sort, t.x sort
-- g: t.b aggregation, t.b sort, t.x sort
-- rows: t.a group_by

-- case: aggregate without rows to show
select a from t group by a;
-- a: t.a identity
-- rows: t.a group_by

-- case: count if
select count_if(a > 2) as n, bool_or(b > 3) as m, median(x) as k from t;
-- n: t.a aggregation masked
-- m: t.b aggregation
-- k: t.x aggregation
-- rows:
