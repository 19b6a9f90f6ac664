-- case: list transform
select list_transform(l, e -> e + a) as v from t;
-- v: t.a transformation, t.l transformation
-- rows:

-- case: list filter
select list_filter(l, lambda e: e > x) as v from t;
-- v: t.l transformation, t.x transformation
-- rows:

-- case: list reduce
select list_reduce(l, (p, q) -> p + q) as v from t;
-- v: t.l transformation
-- rows:

-- case: list comprehension
select [e * b for e in l if e > x] as v from t;
-- v: t.b transformation, t.l transformation, t.x conditional
-- rows:

-- case: lambda parameter hides a column
select list_transform(l, a -> a * 2) as v from t;
-- v: t.l transformation
-- rows:

-- case: nested lambdas
select list_transform(l, p -> list_sum(list_transform(l, q -> q * p + b))) as v from t;
-- v: t.b transformation, t.l transformation
-- rows:

-- case: map and struct values
select map {'k': a}['k'] as v, row(a, b) as r from t;
-- v: t.a transformation
-- r: t.a transformation, t.b transformation
-- rows:
