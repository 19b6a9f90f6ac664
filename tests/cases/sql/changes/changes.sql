-- case: layout and comments
select a, b from t where x > 1;
-- becomes
--hello
SELECT  A , /* c */ B FROM T WHERE (X > 1);
-- formatting only

-- case: a new table alias
select t.a, t.b from t where t.x > 1;
-- becomes
select p.a, p.b from t as p where p.x > 1;
-- formatting only

-- case: a new name of a cte
with q as (select a, b from t) select a from q;
-- becomes
with other as (select a, b from t) select o.a from other as o;
-- formatting only

-- case: a cte instead of a subquery
select n from (select a + 1 as n from t where x > 1) q;
-- becomes
with q as (select a + 1 as n from t where x > 1) select n from q;
-- formatting only

-- case: a final select over a cte
select a + 1 as n from t where x > 1;
-- becomes
with final as (select a + 1 as n from t where x > 1) select * from final;
-- formatting only

-- case: a cte that nothing reads
select a from t;
-- becomes
with q as (select a from t) select a from t;
-- formatting only

-- case: star written out
select * from u;
-- becomes
select id, a, m, z from u;
-- formatting only

-- case: group by all written out
select a, sum(b) as n from t group by all;
-- becomes
select a, sum(b) as n from t group by 1;
-- formatting only

-- case: conditions in another order
select a from t where x > 1 and b = 2;
-- becomes
select a from t where 2 = b and x > 1;
-- formatting only

-- case: columns written with their table
select a, z from t join u using (a);
-- becomes
select t.a, u.z from t join u using (a);
-- formatting only

-- case: an alias written out
select a + 1 as n, n * 2 as m from t;
-- becomes
select a + 1 as n, (a + 1) * 2 as m from t;
-- formatting only

-- case: branches of a union in another order
select a, b from t union all select a, z from u;
-- becomes
select a, z as b from u union all select a, b from t;
-- formatting only

-- case: a union whose columns are swapped
select a, b from t union all select a, z from u;
-- becomes
select a, b from t union all select z, a from u;
-- a changed
-- b changed

-- case: a new order without a limit
select a from t order by b;
-- becomes
select a from t order by x;
-- formatting only

-- case: an added column
select a from t;
-- becomes
select a, b from t;
-- b added INTEGER

-- case: a dropped column
select a, b from t;
-- becomes
select a from t;
-- b dropped INTEGER

-- case: a renamed column
select a, b + 1 as n from t;
-- becomes
select a, b + 1 as m from t;
-- n renamed n m

-- case: a renamed column of a cte that is read by its new name
with q as (select a as k from t) select k from q;
-- becomes
with q as (select a as key from t) select key as k from q;
-- formatting only

-- case: a changed expression
select a, b + 1 as n from t;
-- becomes
select a, b + 2 as n from t;
-- n changed

-- case: a changed expression far inside
with q as (select a, b + 1 as n from t) select a, max(n) as n from q group by a;
-- becomes
with q as (select a, b + 2 as n from t) select a, max(n) as n from q group by a;
-- n changed

-- case: a retyped column
select a::int as n from t;
-- becomes
select a::bigint as n from t;
-- n retyped INTEGER BIGINT

-- case: a literal of another kind
select a from t where c = '1';
-- becomes
select a from t where c = '2';
-- rows

-- case: a new filter
select a from t;
-- becomes
select a from t where x > 1;
-- rows

-- case: a new filter far inside
with q as (select a, b from t) select a, sum(b) as n from q group by a;
-- becomes
with q as (select a, b from t where x > 1) select a, sum(b) as n from q group by a;
-- rows

-- case: an inner join made a left join
select t.a from t join u on t.a = u.a;
-- becomes
select t.a from t left join u on t.a = u.a;
-- rows

-- case: another join key
select t.a from t join u on t.a = u.a;
-- becomes
select t.a from t join u on t.a = u.m;
-- rows

-- case: a join more
select t.a from t;
-- becomes
select t.a from t join u on t.a = u.a;
-- rows
-- reads + u

-- case: a table less
select t.a from t join u on t.a = u.a join v on v.a = t.a;
-- becomes
select t.a from t join u on t.a = u.a;
-- rows
-- reads - v

-- case: another table
select a from t;
-- becomes
select a from u;
-- a changed
-- rows
-- reads + u
-- reads - t

-- case: distinct
select a from t;
-- becomes
select distinct a from t;
-- rows

-- case: union made union all
select a from t union select z from u;
-- becomes
select a from t union all select z from u;
-- rows

-- case: a limit
select a from t;
-- becomes
select a from t limit 3;
-- rows

-- case: another order under a limit
select a from t order by b limit 3;
-- becomes
select a from t order by x limit 3;
-- rows

-- case: another grouping
select sum(b) as n from t group by a;
-- becomes
select sum(b) as n from t group by a, c;
-- rows

-- case: having
select a, count(*) as n from t group by a;
-- becomes
select a, count(*) as n from t group by a having n > 1;
-- rows

-- case: qualify
select a from t;
-- becomes
select a from t qualify row_number() over (partition by a order by b) = 1;
-- rows

-- case: another window order
select row_number() over (order by a) as n from t;
-- becomes
select row_number() over (order by b) as n from t;
-- n changed

-- case: the other side of a self join
select p.b from t p join t q on p.a = q.x;
-- becomes
select q.b from t p join t q on p.a = q.x;
-- b changed

-- case: the filter of a scalar subquery
select (select max(z) from u where m > 1) as n from t;
-- becomes
select (select max(z) from u where m > 2) as n from t;
-- n changed

-- case: columns in another order
select a, b from t;
-- becomes
select b, a from t;
-- moved

-- case: swapped names
select a, b from t;
-- becomes
select b as a, a as b from t;
-- a changed
-- b changed

-- case: an unnest more
select a from t;
-- becomes
select a, unnest(l) as e from t;
-- e added INTEGER
-- rows

-- case: a sample
select a from t;
-- becomes
select a from t tablesample 10%;
-- rows

-- case: everything at once
select a, b, x as gone from t where x > 1;
-- becomes
select a, b * 2 as b, z as new from t join u using (a);
-- b changed
-- gone dropped INTEGER
-- new added INTEGER
-- rows
-- reads + u
