-- case: from first with joins
from t join u on t.a = u.m select t.b, u.z where u.id > 2;
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.id filter, u.m join

-- case: from first with a comma
from t, u select t.b, u.z where t.a = u.a;
-- b: t.b identity
-- z: u.z identity
-- rows: t.a filter, u.a filter

-- case: from first with a using inside a cte
with q as (from t left join u using (a)) select b, max(z) as m from q group by b;
-- b: t.b identity
-- m: u.z aggregation
-- rows: t.a join, t.b group_by, u.a join

-- case: a list in the order of a subquery
select list(a) as k from (select a from t order by b, x, d);
-- k: t.a aggregation, t.b sort, t.d sort, t.x sort
-- rows:

-- case: a limit over an ordered subquery
select a from (select a from t order by b, x, d) limit 3;
-- a: t.a identity
-- rows: t.b sort, t.d sort, t.x sort

-- case: an order that nobody uses
select max(a) as k from (select a from t order by b, x, d);
-- k: t.a aggregation
-- rows:

-- case: a row number in the order of a cte
with q as (from t order by b, x, d) select a, row_number() over () as n from q;
-- a: t.a identity
-- n: t.b sort, t.d sort, t.x sort
-- rows:

-- case: the first value in the order of a join
select first(q.a) as k from (select a from t order by b, x, d) q join u on u.a = q.a;
-- k: t.a aggregation, t.b sort, t.d sort, t.x sort
-- rows: t.a join, u.a join

-- case: a positional join of ordered subqueries
select q.a, r.m from (select a from t order by b, x, d) q positional join (select m from u order by z, id) r;
-- a: t.a identity
-- m: u.m identity
-- rows: t.b sort, t.d sort, t.x sort, u.id sort, u.z sort

-- case: an array of an ordered subquery
select array(select m from u where u.a = t.a order by z, id) as k from t;
-- k: t.a filter, u.a filter, u.id sort, u.m transformation, u.z sort
-- rows:

-- case: a grouping forgets the order
select list(n) as k from (select count(*) as n from (select a from t order by b) group by a);
-- k: t.* aggregation
-- rows: t.a group_by

-- case: correlated lateral
select t.a, n.m, n.q from t, lateral (select m, m + t.a as q from u where u.a = t.b order by z, id limit 1) n;
-- a: t.a identity
-- m: u.m identity
-- q: t.a transformation, u.m transformation
-- rows: t.b filter, u.a filter, u.id sort, u.z sort

-- case: left lateral
select t.a, n.m from t left join lateral (select max(m) as m from u where u.a > t.a) n on true;
-- a: t.a identity
-- m: u.m aggregation
-- rows: t.a filter, u.a filter

-- case: lateral over a lateral
select q.k, r.j from t, lateral (select t.a + t.b as k) q, lateral (select q.k * t.x as j) r;
-- k: t.a transformation, t.b transformation
-- j: t.a transformation, t.b transformation, t.x transformation
-- rows:

-- case: union by name
select a, b from t union all by name select m as b, z as c from u;
-- a: t.a identity
-- b: t.b identity, u.m identity
-- c: u.z identity
-- rows:

-- case: columns by a pattern in an aggregate
select min(columns('a|m')) from u;
-- a: u.a aggregation
-- m: u.m aggregation
-- rows:

-- case: columns by a list of names in a lambda
select columns(e -> e in ('a', 'b')) from t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: columns by a combined lambda
select columns(lambda e: e like 'a%' or not (e <> 'b')) from t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: columns of one table
select columns(t.*) from t join u on t.a = u.id;
-- a: t.a identity
-- b: t.b identity
-- c: t.c identity
-- d: t.d identity
-- x: t.x identity
-- l: t.l identity
-- s: t.s identity
-- rows: t.a join, u.id join

-- case: columns by a test that is not read
select columns(lambda e: length(e) < 2) as k from t;
-- k: t.a identity
-- k: t.b identity
-- k: t.c identity
-- k: t.d identity
-- k: t.x identity
-- k: t.l identity
-- k: t.s identity
-- rows:
-- gap: `columns(...)` chooses by a test that is not understood

-- case: star not like
select * not like 'a%' from u;
-- id: u.id identity
-- m: u.m identity
-- z: u.z identity
-- rows:

-- case: star ilike
select * ilike 'A%' from u;
-- a: u.a identity
-- rows:

-- case: star similar to
select * similar to 'a|m' from u;
-- a: u.a identity
-- m: u.m identity
-- rows:

-- case: star of a table glob
select u.* glob '[am]' from u join t on t.a = u.a;
-- a: u.a identity
-- m: u.m identity
-- rows: t.a join, u.a join

-- case: a field of a packed struct
select struct_pack(x := a, y := b).x as p from t;
-- p: t.a identity
-- rows:

-- case: a field by its name in brackets
select w['p'] as k from (select {'p': a, 'q': b} as w from t);
-- k: t.a identity
-- rows:

-- case: a field by struct_extract
select struct_extract({'p': a, 'q': b}, 'p') as k from t;
-- k: t.a identity
-- rows:

-- case: a field of a field
select w.p, w.r.s from (select {'p': a, 'r': {'s': b}} as w from t);
-- p: t.a identity
-- s: t.b identity
-- rows:

-- case: the star of a packed struct
select w.* from (select {'p': a, 'q': b + x} as w from t);
-- p: t.a identity
-- q: t.b transformation, t.x transformation
-- rows:

-- case: a scalar subquery keeps its where
select case when (select count(*) from u where u.z between 1 and 4) > 5 then (select avg(m) from u where u.z between 1 and 4) else (select max(id) from u where u.a > 1) end as k from t;
-- k: u.* conditional, u.a filter, u.id aggregation, u.m aggregation, u.z filter
-- rows:

-- case: a scalar subquery keeps its having
select (select sum(z) from u where u.m = t.x group by u.m having count(*) > 1) as n from t;
-- n: t.x filter, u.* filter, u.m filter, u.m group_by, u.z aggregation
-- rows:

-- case: a subquery compared by a limit
select a, (select z from u where u.a = t.a order by m, id limit 1) as n from t;
-- a: t.a identity
-- n: t.a filter, u.a filter, u.id sort, u.m sort, u.z transformation
-- rows:

-- case: partition and order are no values
select sum(b) over (partition by c order by d, a rows between 1 preceding and current row) as n from t;
-- n: t.a window, t.b aggregation, t.c window, t.d window
-- rows:

-- case: a window frame of a column
select sum(b) over (order by x, d, a rows between a preceding and current row) as k from t;
-- k: t.a window, t.b aggregation, t.d window, t.x window
-- rows:

-- case: a rank among groups
select c, rank() over (order by sum(a) desc) as n from t group by c;
-- c: t.c identity
-- n: t.a window
-- rows: t.c group_by

-- case: a share of a total
select c, sum(a) / sum(sum(a)) over () as share from t group by c;
-- c: t.c identity
-- share: t.a aggregation
-- rows: t.c group_by

-- case: pivot with groups
select * from (pivot u on m in (0, 1) using sum(z) group by a) q join t using (a);
-- a: u.a identity
-- 0: u.m conditional, u.z aggregation
-- 1: u.m conditional, u.z aggregation
-- b: t.b identity
-- c: t.c identity
-- d: t.d identity
-- x: t.x identity
-- l: t.l identity
-- s: t.s identity
-- rows: t.a join, u.a group_by, u.a join

-- case: unpivot of several columns
unpivot u on (a, m), (z, id) into name k value w, n;
-- k:
-- w: u.a transformation, u.z transformation
-- n: u.id transformation, u.m transformation
-- rows: u.a filter, u.id filter, u.m filter, u.z filter

-- case: unpivot with nulls
select * from u unpivot include nulls (w for k in (a as first, m as second));
-- id: u.id identity
-- z: u.z identity
-- k:
-- w: u.a transformation, u.m transformation
-- rows:

-- case: recursion with a counter
with recursive r(n, s) as (select a, 1 from u where id = 1 union all select u.m + r.n, s + 1 from r join u on u.id = r.s where s < 4) select * from r;
-- n: u.a transformation, u.m transformation
-- s:
-- rows: u.id filter, u.id join

-- case: recursion bound by another table
with recursive r(n) as (select 1 union all select n + 1 from r where n < (select max(a) from t)) select n from r;
-- n:
-- rows: t.a filter

-- case: full join by using
select a, t.a as ta, u.a as ua from t full join u using (a);
-- a: t.a transformation, u.a transformation
-- ta: t.a identity
-- ua: u.a identity
-- rows: t.a join, u.a join

-- case: natural full join
select a, b, z from t natural full join u;
-- a: t.a transformation, u.a transformation
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: qualify by several
select a from t qualify row_number() over (partition by c order by b, d, x) = 1;
-- a: t.a identity
-- rows: t.b window, t.c window, t.d window, t.x window

-- case: an alias read by the next
select a as q, q + b as r, r * 2 as w from t where q > 1;
-- q: t.a identity
-- r: t.a transformation, t.b transformation
-- w: t.a transformation, t.b transformation
-- rows: t.a filter

-- case: a lambda that captures
select list_transform(l, e -> e + a) as k, [e + x for e in l if e > b] as j from t;
-- k: t.a transformation, t.l transformation
-- j: t.b conditional, t.l transformation, t.x transformation
-- rows:

-- case: asof by inequality
select t.a, v.y from t asof join v on t.c = v.k and t.d >= v.ts;
-- a: t.a identity
-- y: v.y identity
-- rows: t.c join, t.d join, v.k join, v.ts join

-- case: group by all around a filter
select c, count(*) as n, sum(a) filter (where b > 2) as s from t group by all;
-- c: t.c identity
-- n: t.* aggregation
-- s: t.a aggregation, t.b conditional
-- rows: t.c group_by

-- case: unnest with ordinality
select t.a, k.e, k.n from t cross join unnest(l) with ordinality as k(e, n);
-- a: t.a identity
-- e: t.l transformation
-- n:
-- rows: t.l join

-- case: unnest inside a scalar subquery
select a, (select sum(e) from (select unnest(l) as e)) as k from t;
-- a: t.a identity
-- k: t.l aggregation, t.l join
-- rows:

-- case: positions
select #1, #2 from t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: star without, with other values and names
select * exclude (l, s) replace (a + b as a) rename (c as cc) from t;
-- a: t.a transformation, t.b transformation
-- b: t.b identity
-- cc: t.c identity
-- d: t.d identity
-- x: t.x identity
-- rows:

-- case: distinct on is decided by the order
select distinct on (c) c, a from t order by c, b, d, x;
-- c: t.c identity
-- a: t.a identity
-- rows: t.b sort, t.c group_by, t.c sort, t.d sort, t.x sort

-- case: conditions of every kind
select coalesce(a, b) as p, nullif(a, x) as q, case a when 1 then b else x end as s, greatest(a, b) as g from t;
-- p: t.a transformation, t.b transformation
-- q: t.a transformation, t.x transformation
-- s: t.a conditional, t.b transformation, t.x transformation
-- g: t.a transformation, t.b transformation
-- rows:

-- case: a hash hides its value
select md5(c) as h, sha256(c) as i, hash(a) as j, upper(c) as k from t;
-- h: t.c transformation masked
-- i: t.c transformation masked
-- j: t.a transformation masked
-- k: t.c transformation
-- rows:

-- case: a hash of a joined text
select md5(c || a) as h, c from t;
-- h: t.a transformation masked, t.c transformation masked
-- c: t.c identity
-- rows:

-- case: a hidden value beside a plain one
select c || md5(c) as k, count(distinct a) over () as n, count(b) over () as m, x is null as o from t;
-- k: t.c transformation
-- n: t.a aggregation masked
-- m: t.b aggregation masked
-- o: t.x transformation masked
-- rows:

-- case: a hidden value stays hidden further out
select upper(h) as k, max(h) as m from (select md5(c) as h from t) group by h;
-- k: t.c transformation masked
-- m: t.c aggregation masked
-- rows: t.c group_by

-- case: full names without an alias
select t.a, main.t.b from main.t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: joins in nested brackets
select p.b, q.z, v.y from ((t as p join u as q on p.a = q.id) join v on v.a = q.m);
-- b: t.b identity
-- z: u.z identity
-- y: v.y identity
-- rows: t.a join, u.id join, u.m join, v.a join

-- case: from first with subqueries
from (select a, b from t) as q left join (from u select a, max(z) as z group by a) as w using (a) select q.a, w.z order by 1, 2 limit 4;
-- a: t.a identity
-- z: u.z aggregation
-- rows: t.a join, t.a sort, u.a group_by, u.a join, u.z sort

-- case: from first with a function
from range(3) k(n) join t on t.a = k.n select t.b, k.n;
-- b: t.b identity
-- n:
-- rows: t.a join

-- case: a scalar subquery over the value of another
select (select sum(z) from u where u.a = q.n) as k from (select count(*) as n from t group by c) q;
-- k: t.* filter, u.a filter, u.z aggregation
-- rows: t.c group_by

-- case: a running sum of groups
select date_trunc('week', d) as w, sum(sum(b)) over (order by date_trunc('week', d)) as run from t group by 1;
-- w: t.d transformation
-- run: t.b aggregation, t.d window
-- rows: t.d group_by
