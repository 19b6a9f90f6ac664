-- case: an alias used by a later column
select a + 1 as n, n * 2 as m from t;
-- n: t.a transformation
-- m: t.a transformation
-- rows:

-- case: an alias used in where
select a + b as n from t where n > 3;
-- n: t.a transformation, t.b transformation
-- rows: t.a filter, t.b filter

-- case: an alias used in group by and having
select a % 2 as k, count(*) as n from t group by k having k = 1;
-- k: t.a transformation
-- n: t.* aggregation
-- rows: t.a filter, t.a group_by

-- case: a column comes before an alias
select b as a, a as o from t where a > 1;
-- a: t.b identity
-- o: t.a identity
-- rows: t.a filter

-- case: a chain of aliases
select a as p, p + 1 as q, q + x as r from t;
-- p: t.a identity
-- q: t.a transformation
-- r: t.a transformation, t.x transformation
-- rows:
