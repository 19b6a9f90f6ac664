-- case: star
select * from u;
-- id: u.id identity
-- a: u.a identity
-- m: u.m identity
-- z: u.z identity
-- rows:

-- case: star of one table
select u.*, t.a from t join u on t.a = u.a;
-- id: u.id identity
-- a: u.a identity
-- m: u.m identity
-- z: u.z identity
-- a: t.a identity
-- rows: t.a join, u.a join

-- case: star without
select * exclude (l, s, d) from t;
-- a: t.a identity
-- b: t.b identity
-- c: t.c identity
-- x: t.x identity
-- rows:

-- case: star with another value
select * exclude (l, s, d) replace (b + x as b) from t;
-- a: t.a identity
-- b: t.b transformation, t.x transformation
-- c: t.c identity
-- x: t.x identity
-- rows:

-- case: star with another name
select * exclude (l, s, d) rename (a as first) from t;
-- first: t.a identity
-- b: t.b identity
-- c: t.c identity
-- x: t.x identity
-- rows:

-- case: star of a table without
select t.* exclude (l, s, d, c), u.z from t join u using (a);
-- a: t.a identity
-- b: t.b identity
-- x: t.x identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: star like
select * like 'a%' from u;
-- a: u.a identity
-- rows:

-- case: columns by pattern
select columns('a|z') from u;
-- a: u.a identity
-- z: u.z identity
-- rows:

-- case: columns by pattern in an expression
select columns('a|z') + m as v from u;
-- v: u.a transformation, u.m transformation
-- v: u.m transformation, u.z transformation
-- rows:

-- case: columns by list
select columns(['a', 'z']) from u;
-- a: u.a identity
-- z: u.z identity
-- rows:

-- case: columns by lambda
select columns(c -> c like 'i%') from u;
-- id: u.id identity
-- rows:

-- case: columns without
select max(columns(* exclude (id))) from u;
-- a: u.a aggregation
-- m: u.m aggregation
-- z: u.z aggregation
-- rows:

-- case: columns unpacked
select coalesce(*columns(['a', 'z'])) as v from u;
-- v: u.a transformation, u.z transformation
-- rows:

-- case: columns of the where clause
select id from u where columns(*) > 0;
-- id: u.id identity
-- rows: u.a filter, u.id filter, u.m filter, u.z filter

-- case: struct star
select s.* from t;
-- x: t.s transformation
-- y: t.s transformation
-- rows:

-- case: struct star of a packed struct
select o.* from (select {'p': a, 'q': b} as o from t);
-- p: t.a identity
-- q: t.b identity
-- rows:

-- case: star over a join by using takes the column once
select * from (select a, b from t) t join u using (a);
-- a: t.a identity
-- b: t.b identity
-- id: u.id identity
-- m: u.m identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: star through two subqueries
select * from (select * from (select a as n, z from u) where z > 0);
-- n: u.a identity
-- z: u.z identity
-- rows: u.z filter
