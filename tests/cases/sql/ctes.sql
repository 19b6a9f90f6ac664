-- case: a cte
with q as (select a, b from t where x > 1) select a from q;
-- a: t.a identity
-- rows: t.x filter

-- case: a cte read twice
with q as (select a, b from t) select l.a, r.b from q l join q r on l.a = r.a;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a join

-- case: a cte on a cte
with p as (select a, b + 1 as c from t), q as (select c, sum(a) as n from p group by c) select * from q;
-- c: t.b transformation
-- n: t.a aggregation
-- rows: t.b group_by

-- case: a cte hides a table
with u as (select a as z from t) select z from u;
-- z: t.a identity
-- rows:

-- case: a cte inside a subquery
select n from (with q as (select max(a) as n from t) select n from q);
-- n: t.a aggregation
-- rows:

-- case: a cte in a scalar subquery
select (with q as (select z from u) select max(z) from q) as n from t;
-- n: u.z aggregation
-- rows:

-- case: a cte with column names
with q(p, r) as (select a, b from t) select p, r from q;
-- p: t.a identity
-- r: t.b identity
-- rows:

-- case: a cte that is not read
with q as (select z from u), r as (select a from t) select a from r;
-- a: t.a identity
-- rows:

-- case: a cte of the same name inside
with q as (select a from t) select n from (with q as (select b as n from t) select n from q);
-- n: t.b identity
-- rows:

-- case: a cte that reads the table it is named after
with t as (select a, b from t where b > 0) select a from t;
-- a: t.a identity
-- rows: t.b filter

-- case: a recursive cte
with recursive r(n, m) as (select a, b from t union all select n + 1, m from r where n < 3) select n, m from r;
-- n: t.a transformation
-- m: t.b identity
-- rows: t.a filter

-- case: a recursive cte that joins
with recursive r as (select id, a, z from u where m = 1 union select u.id, r.a, u.z from u join r on u.a = r.id) select id, a, z from r;
-- id: u.id identity
-- a: u.a identity
-- z: u.z identity
-- rows: u.a group_by, u.a join, u.id group_by, u.id join, u.m filter, u.z group_by

-- case: a materialized cte
with q as materialized (select a from t) select a from q;
-- a: t.a identity
-- rows:
