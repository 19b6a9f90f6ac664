-- case: order without a limit decides nothing
select a from t order by b;
-- a: t.a identity
-- rows:

-- case: order with a limit decides the rows
select a from t order by b, x, a limit 3;
-- a: t.a identity
-- rows: t.a sort, t.b sort, t.x sort

-- case: order by position with a limit
select a, b from t order by 2, 1 limit 3;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a sort, t.b sort

-- case: order by alias with a limit
select a, b + x as k from t order by k, a limit 3;
-- a: t.a identity
-- k: t.b transformation, t.x transformation
-- rows: t.a sort, t.b sort, t.x sort

-- case: order by all with a limit
select a, b from t order by all limit 3;
-- a: t.a identity
-- b: t.b identity
-- rows: t.a sort, t.b sort

-- case: offset
select a from t order by x, a offset 2;
-- a: t.a identity
-- rows: t.a sort, t.x sort

-- case: limit of a percentage
select a from t order by x, a limit 50%;
-- a: t.a identity
-- rows: t.a sort, t.x sort

-- case: an alias hides a column in order by
select b as a, x from t order by a, x limit 2;
-- a: t.b identity
-- x: t.x identity
-- rows: t.b sort, t.x sort

-- case: order inside a subquery with a limit
select a from (select a, b from t order by b, x, a limit 2);
-- a: t.a identity
-- rows: t.a sort, t.b sort, t.x sort
