"""What is known of DuckDB's functions: which aggregate, and which change by themselves.

Data with its source, because sqlglot's own classes do not know every function of DuckDB.
"""

from typing import Literal

# DuckDB 2.0.0: SELECT DISTINCT function_name FROM duckdb_functions()
# WHERE function_type = 'aggregate'; words only.
_AGGREGATES = """
any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null
arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and
bit_or bit_xor bitstring_agg bool_and bool_or combine_aggr corr count count_if count_star countif
covar_pop covar_samp decimal_average entropy favg first fsum group_concat histogram histogram_exact
kahan_sum kurtosis kurtosis_pop last list listagg lttb mad max max_by mean median min min_by mode
product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2
regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp
string_agg sum sum_no_overflow sumkahan var_pop var_samp variance variant_group_object
geomean geometric_mean json_group_array json_group_object json_group_structure
variant_group_array wavg weighted_avg
"""

# The same with function_type = 'scalar' and stability = 'VOLATILE'; then 'CONSISTENT_WITHIN_QUERY'
# for those of the clock. `localtime` and friends are spelled without brackets.
_VOLATILE = """
current_connection_id current_query current_query_id current_transaction_id currval gen_random_uuid
nextval random setseed setval uuid uuidv4 uuidv7 get_current_time get_current_timestamp now
transaction_timestamp txid_current localtime localtimestamp current_time current_timestamp
current_localtime current_localtimestamp getvariable
"""

AGGREGATES = frozenset(_AGGREGATES.split())
"""Lower-case names of functions that aggregate."""

VOLATILE = frozenset(_VOLATILE.split())
"""Lower-case names of functions whose value may differ each time."""

DAILY = frozenset({"current_date", "today"})
"""Functions whose value changes once a day."""

ClockUse = Literal["", "day", "always"]
