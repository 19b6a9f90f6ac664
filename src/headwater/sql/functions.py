"""What is known of DuckDB's functions: which aggregate, and which change by themselves.

Data with its source, because sqlglot's own classes do not know every function of DuckDB.
"""

from typing import Literal

from headwater.sql.duckdb_functions import KNOWN_CALLS

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

_MASKING = """
count count_if countif approx_count_distinct hash md5 md5_number md5_number_lower md5_number_upper
sha1 sha256 sha512 crc32 xxhash32 xxhash64 murmurhash3_32 murmurhash3_x64_128 farm_fingerprint
"""

_ORDERED = """
array_agg list string_agg group_concat listagg first last any_value arbitrary json_group_array
json_group_object variant_group_array variant_group_object fsum favg kahan_sum sumkahan
"""

MASKING = frozenset(_MASKING.split())
"""Lower-case names of functions whose result does not tell their argument's value."""

ORDERED = frozenset(_ORDERED.split())
"""Lower-case names of aggregates whose result depends on the order of the rows."""

AGGREGATES = frozenset(_AGGREGATES.split())
"""Lower-case names of functions that aggregate."""

VOLATILE = frozenset(_VOLATILE.split())
"""Lower-case names of functions whose value may differ each time."""

DAILY = frozenset({"current_date", "today"})
"""Functions whose value changes once a day."""

_NAMING = frozenset({"query", "query_table", "json_execute_serialized_sql"})
"""Table functions that are told in a text what they read."""


def may_hide_tables(name: str) -> bool:
    """Say whether a table function of that lower-case name may read tables that nobody sees."""
    return name in _NAMING or name not in KNOWN_CALLS


ClockUse = Literal["", "day", "always"]
