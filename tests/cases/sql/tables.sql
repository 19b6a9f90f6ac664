-- case: values
select p, q from (values (1, 2), (3, 4)) as n(p, q);
-- p:
-- q:
-- rows:

-- case: values with columns
select p from t, (values (1), (2)) as n(p);
-- p:
-- rows:

-- case: values alone
values (1, 'x');
-- col0:
-- col1:
-- rows:

-- case: lateral
select t.b, n.m from t, lateral (select t.a + 1 as m) as n;
-- b: t.b identity
-- m: t.a transformation
-- rows:

-- case: lateral with a table
select t.b, n.z from t left join lateral (select z from u where u.a = t.a) as n on true;
-- b: t.b identity
-- z: u.z identity
-- rows: t.a filter, u.a filter

-- case: a lateral without the word
select t.b, n.m from t, (select t.a * 2 as m) as n;
-- b: t.b identity
-- m: t.a transformation
-- rows:

-- case: unnest in select
select a, unnest(l) as e from t;
-- a: t.a identity
-- e: t.l transformation
-- rows: t.l join

-- case: unnest in from
select t.a, e from t, unnest(t.l) as n(e);
-- a: t.a identity
-- e: t.l transformation
-- rows: t.l join

-- case: unnest of a constant
select e from unnest([1, 2, 3]) as n(e);
-- e:
-- rows:

-- case: unnest of a struct
select unnest(s) from t;
-- x: t.s transformation
-- y: t.s transformation
-- rows:

-- case: range
select i, a from t, range(3) as r(i);
-- i:
-- a: t.a identity
-- rows:

-- case: generate_series on a column
select b, generate_series from t, generate_series(1, t.a % 3);
-- b: t.b identity
-- generate_series: t.a transformation
-- rows: t.a join

-- case: pivot of the standard
from (select a, b, x from t) pivot (sum(b) for a in (1, 2));
-- x: t.x identity
-- 1: t.a conditional, t.b aggregation
-- 2: t.a conditional, t.b aggregation
-- rows: t.x group_by

-- case: pivot with two aggregates
from (select a, b, x from t) pivot (sum(b) as s, max(x) as m for a in (1, 2));
-- 1_s: t.a conditional, t.b aggregation
-- 1_m: t.a conditional, t.x aggregation
-- 2_s: t.a conditional, t.b aggregation
-- 2_m: t.a conditional, t.x aggregation
-- rows:

-- case: pivot in short
pivot (select a, b, x from t) on a in (1, 2) using sum(b) group by x;
-- x: t.x identity
-- 1: t.a conditional, t.b aggregation
-- 2: t.a conditional, t.b aggregation
-- rows: t.x group_by

-- case: pivot on two columns
from (select a, b, c, x from t) pivot (count(*) for a in (1, 2) x in (3) group by c);
-- c: t.c identity
-- 1_3: t.* aggregation, t.a conditional, t.x conditional
-- 2_3: t.* aggregation, t.a conditional, t.x conditional
-- rows: t.c group_by

-- case: unpivot in short
unpivot (select id, m, z from u) on m, z into name n value v;
-- id: u.id identity
-- n:
-- v: u.m transformation, u.z transformation
-- rows: u.m filter, u.z filter

-- case: unpivot of the standard
select id, n, v from u unpivot (v for n in (m, z));
-- id: u.id identity
-- n:
-- v: u.m transformation, u.z transformation
-- rows: u.m filter, u.z filter

-- case: unpivot of columns
unpivot (select id, m, z from u) on columns(* exclude (id));
-- id: u.id identity
-- name:
-- value: u.m transformation, u.z transformation
-- rows: u.m filter, u.z filter

-- case: sample of all
select a from t tablesample 100%;
-- a: t.a identity
-- rows:
