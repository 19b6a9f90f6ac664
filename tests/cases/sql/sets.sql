-- case: union all
select a, b from t union all select a, z from u;
-- a: t.a identity, u.a identity
-- b: t.b identity, u.z identity
-- rows:

-- case: union takes duplicates away
select a from t union select z from u;
-- a: t.a identity, u.z identity
-- rows: t.a group_by, u.z group_by

-- case: union by name
select a, b from t union all by name select z as b, id as a from u;
-- a: t.a identity, u.id identity
-- b: t.b identity, u.z identity
-- rows:

-- case: union by name with missing columns
select a, b from t union all by name select z, a from u;
-- a: t.a identity, u.a identity
-- b: t.b identity
-- z: u.z identity
-- rows:

-- case: intersect
select a from t intersect select z from u;
-- a: t.a identity
-- rows: t.a filter, u.z filter

-- case: except
select a from t except select z from u;
-- a: t.a identity
-- rows: t.a filter, u.z filter

-- case: except all
select a from t except all select a from u;
-- a: t.a identity
-- rows: t.a filter, u.a filter

-- case: three branches
select a from t union all select z from u union all select a from v;
-- a: t.a identity, u.z identity, v.a identity
-- rows:

-- case: a set operation in brackets
(select a from t union all select z from u) except select a from v;
-- a: t.a identity, u.z identity
-- rows: t.a filter, u.z filter, v.a filter

-- case: a limit after a union
select a, b from t union all select a, z from u order by 2, 1 limit 3;
-- a: t.a identity, u.a identity
-- b: t.b identity, u.z identity
-- rows: t.a sort, t.b sort, u.a sort, u.z sort

-- case: a union in a cte
with q as (select a, 1 as kind from t union all select z, 2 from u) select a, kind from q where kind = 2;
-- a: t.a identity, u.z identity
-- kind:
-- rows:

-- case: a union in a subquery with an aggregate
select count(*) as n, sum(k) as m from (select a as k from t where b > 1 union all select z from u);
-- n: t.* aggregation, u.* aggregation
-- m: t.a aggregation, u.z aggregation
-- rows: t.b filter
