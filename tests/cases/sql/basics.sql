-- case: plain columns pass through
select a, b from t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: an expression transforms
select a + b as c, upper(t.c) as d from t;
-- c: t.a transformation, t.b transformation
-- d: t.c transformation
-- rows:

-- case: brackets change nothing
select (a) as a2, ((b)) as b2 from t;
-- a2: t.a identity
-- b2: t.b identity
-- rows:

-- case: a cast transforms
select a::double as a, try_cast(c as int) as n, cast(d as varchar) as day from t;
-- a: t.a transformation
-- n: t.c transformation
-- day: t.d transformation
-- rows:

-- case: a constant has no inputs
select 1 as one, 'x' as word, null as nothing from t;
-- one:
-- word:
-- nothing:
-- rows:

-- case: from without select gives every column
from u;
-- id: u.id identity
-- a: u.a identity
-- m: u.m identity
-- z: u.z identity
-- rows:

-- case: from first
from t select a, b;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: a filter decides the rows
select a from t where b > 1 and c like 'a%';
-- a: t.a identity
-- rows: t.b filter, t.c filter

-- case: between and in use every side
select a from t where a between b and x or a in (1, x);
-- a: t.a identity
-- rows: t.a filter, t.b filter, t.x filter

-- case: a case condition steers only its column
select case when b > 1 then a else x end as v, a from t;
-- v: t.a transformation, t.b conditional, t.x transformation
-- a: t.a identity
-- rows:

-- case: a case with a subject
select case a when 1 then b when x then 7 end as v from t;
-- v: t.a conditional, t.b transformation, t.x conditional
-- rows:

-- case: if is a case
select if(a > 1, b, x) as v from t;
-- v: t.a conditional, t.b transformation, t.x transformation
-- rows:

-- case: coalesce takes all
select coalesce(a, b, 0) as v from t;
-- v: t.a transformation, t.b transformation
-- rows:

-- case: struct access uses the column
select s.x as sx, t.s.y as sy, s['x'] as again from t;
-- sx: t.s transformation
-- sy: t.s transformation
-- again: t.s transformation
-- rows:

-- case: a list element uses the column
select l[1] as head, l[1:2] as part, len(l) as size from t;
-- head: t.l transformation
-- part: t.l transformation
-- size: t.l transformation
-- rows:

-- case: a packed struct is taken apart
select struct_pack(p := a, q := b).p as v, {'p': a, 'q': b}.q as w from t;
-- v: t.a identity
-- w: t.b identity
-- rows:

-- case: a packed struct is taken apart further out
select o.p as v from (select {'p': a, 'q': b} as o from t);
-- v: t.a identity
-- rows:

-- case: concatenation
select c || '-' || a as v from t;
-- v: t.a transformation, t.c transformation
-- rows:

-- case: date parts
select date_trunc('month', d) as m, extract(year from d) as y, d + interval 1 day as n from t;
-- m: t.d transformation
-- y: t.d transformation
-- n: t.d transformation
-- rows:

-- case: a prefix alias
select v: a + 1, w: b from t;
-- v: t.a transformation
-- w: t.b identity
-- rows:

-- case: names are matched without case
select A, T.B as bee from T where X > 1;
-- a: t.a identity
-- bee: t.b identity
-- rows: t.x filter

-- case: full names
select main.t.a, t.b from main.t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: quoted names
select "a" as "Some Name", "t"."b" from "main"."t";
-- Some Name: t.a identity
-- b: t.b identity
-- rows:

-- case: a trailing comma
select a, b, from t;
-- a: t.a identity
-- b: t.b identity
-- rows:

-- case: a whole row
select t as r from (select a, b from t) t;
-- r: t.a transformation, t.b transformation
-- rows:

-- case: no columns at all
select 1 as one;
-- one:
-- rows:

-- case: a column of a column
select (s).x as v from t;
-- v: t.s transformation
-- rows:

-- case: regular expressions and functions
select regexp_replace(c, 'a', 'b') as v, greatest(a, b, x) as g from t;
-- v: t.c transformation
-- g: t.a transformation, t.b transformation, t.x transformation
-- rows:

-- case: is distinct from
select a is distinct from b as v, a is null as w from t;
-- v: t.a transformation, t.b transformation
-- w: t.a transformation masked
-- rows:
