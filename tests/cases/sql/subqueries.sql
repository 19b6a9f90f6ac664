-- case: derived table
select n + 1 as m from (select a as n from t where b > 0) q;
-- m: t.a transformation
-- rows: t.b filter

-- case: derived table with column names
select p, q from (select a, b from t) as n(p, q);
-- p: t.a identity
-- q: t.b identity
-- rows:

-- case: scalar subquery
select a, (select max(z) from u) as top from t;
-- a: t.a identity
-- top: u.z aggregation
-- rows:

-- case: correlated scalar subquery counts its filter
select t.b, (select max(u.z) from u where u.a = t.a) as top from t;
-- b: t.b identity
-- top: t.a filter, u.a filter, u.z aggregation
-- rows:

-- case: nested correlation
select (select max((select min(v.y) from v where v.a = u.a)) from u where u.a = t.a) as n from t;
-- n: t.a filter, u.a filter, v.a filter, v.y aggregation
-- rows:

-- case: case over a scalar subquery
select case when (select count(*) from u where m > 2) > 3 then a else b end as v from t;
-- v: t.a transformation, t.b transformation, u.* conditional, u.m filter
-- rows:

-- case: exists
select a from t where exists (select 1 from u where u.a = t.a and u.z > 1);
-- a: t.a identity
-- rows: t.a filter, u.* filter, u.a filter, u.z filter

-- case: not exists
select a from t where not exists (from u where u.a = t.a);
-- a: t.a identity
-- rows: t.a filter, u.* filter, u.a filter

-- case: exists as a value
select b, exists (select 1 from u where u.a = t.a) as has from t;
-- b: t.b identity
-- has: t.a filter, u.* transformation, u.a filter
-- rows:

-- case: in a subquery
select b from t where a in (select a from u where z > 1);
-- b: t.b identity
-- rows: t.a filter, u.a filter, u.z filter

-- case: in a subquery as a value
select b in (select z from u) as v from t;
-- v: t.b transformation, u.z transformation
-- rows:

-- case: a tuple in a subquery
select b from t where (a, x) in (select a, m from u);
-- b: t.b identity
-- rows: t.a filter, t.x filter, u.a filter, u.m filter

-- case: any and all
select b from t where a > any (select z from u) and x <= all (select m from u where m > 2);
-- b: t.b identity
-- rows: t.a filter, t.x filter, u.m filter, u.z filter

-- case: array of a subquery
select array(select z from u where u.a = t.a order by z) as zs from t;
-- zs: t.a filter, u.a filter, u.z sort, u.z transformation
-- rows:

-- case: subquery in having
select a, count(*) as n from t group by a having count(*) >= (select min(z) from u);
-- a: t.a identity
-- n: t.* aggregation
-- rows: t.* filter, t.a group_by, u.z filter

-- case: subquery in limit
select a from t order by a limit (select min(m) from u where m > 0);
-- a: t.a identity
-- rows: t.a sort, u.m filter

-- case: subquery in a join condition
select t.b, u.z from t join u on t.a = u.a and u.m > (select avg(y) from v);
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.a join, u.m join, v.y join

-- case: subquery with star
select (select count(*) from (select * from u where u.a = t.a)) as n from t;
-- n: t.a filter, u.* aggregation, u.a filter
-- rows:

-- case: repeated names are numbered
select a, a_1 as other from (select t.a, u.a from t, u);
-- a: t.a identity
-- other: u.a identity
-- rows:
