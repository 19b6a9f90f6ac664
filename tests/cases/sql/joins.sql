-- case: inner join
select t.a, u.z from t join u on t.a = u.a;
-- a: t.a identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: left join
select t.a, u.z from t left join u on t.a = u.a and u.m > 1;
-- a: t.a identity
-- z: u.z identity
-- rows: t.a join, u.a join, u.m join

-- case: right join by using takes the right column
select a, z from t right join u using (a);
-- a: u.a identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: full join by using takes both
select a, b, z from t full join u using (a);
-- a: t.a transformation, u.a transformation
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: inner join by using
select a, z from t join u using (a);
-- a: t.a identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: natural join
select a, b, z from t natural join u;
-- a: t.a identity
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: natural join star
select * from (select a, b from t) natural join (select a, z from u);
-- a: t.a identity
-- b: t.b identity
-- z: u.z identity
-- rows: t.a join, u.a join

-- case: cross join
select t.a, u.z from t cross join u;
-- a: t.a identity
-- z: u.z identity
-- rows:

-- case: comma join with a condition
select t.a, u.z from t, u where t.a = u.a;
-- a: t.a identity
-- z: u.z identity
-- rows: t.a filter, u.a filter

-- case: self join
select p.a, q.b from t p join t q on p.a = q.x;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a join, t.x join

-- case: semi join
select t.a, t.b from t semi join u on t.a = u.a;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a join, u.a join

-- case: anti join
select * exclude (l, s, c, d) from t anti join u using (a);
-- a: t.a identity
-- b: t.b identity
-- x: t.x identity
-- rows: t.a join, u.a join

-- case: asof join
select t.a, u.z from t asof join u on t.a = u.a and t.b >= u.m;
-- a: t.a identity
-- z: u.z identity
-- rows: t.a join, t.b join, u.a join, u.m join

-- case: asof join by using
select t.a, z from (select a, b as m from t) t asof join u using (a, m);
-- a: t.a identity
-- z: u.z identity
-- rows: t.a join, t.b join, u.a join, u.m join

-- case: positional join
select t.a, u.z from t positional join u;
-- a: t.a identity
-- z: u.z identity
-- rows:

-- case: join of a join
select t.a, v.y from t join (u join v on u.a = v.a) on t.a = u.a;
-- a: t.a identity
-- y: v.y identity
-- rows: t.a join, u.a join, v.a join

-- case: three tables by using
select a, b, z, y from t join u using (a) join v using (a);
-- a: t.a identity
-- b: t.b identity
-- z: u.z identity
-- y: v.y identity
-- rows: t.a join, u.a join, v.a join

-- case: join on a function
select t.b, v.y from t join v on lower(t.c) = v.k;
-- b: t.b identity
-- y: v.y identity
-- rows: t.c join, v.k join

-- case: join with a bracketed alias
select j.z from (t join u using (a)) as j;
-- z: u.z identity
-- rows: t.a join, u.a join
