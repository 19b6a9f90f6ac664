{# Dates and times of the cross-database functions. #}

{% macro current_timestamp() %}{{ return(adapter.dispatch('current_timestamp', 'dbt')()) }}{% endmacro %}

{% macro current_timestamp_backcompat() %}{{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}{% endmacro %}

{% macro current_timestamp_in_utc_backcompat() %}{{ return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) }}{% endmacro %}

{% macro snapshot_get_time() %}{{ return(adapter.dispatch('snapshot_get_time', 'dbt')()) }}{% endmacro %}

{% macro get_snapshot_get_time_data_type() %}
    {{ return(dbt.type_timestamp()) }}
{% endmacro %}

{% macro snapshot_string_as_time(timestamp) %}{{ return(adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp)) }}{% endmacro %}

{% macro date(year, month, day) %}{{ return(adapter.dispatch('date', 'dbt')(year, month, day)) }}{% endmacro %}

{# Add `interval` date parts; the number may be any expression. #}
{% macro dateadd(datepart, interval, from_date_or_timestamp) %}{{ return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) }}{% endmacro %}

{% macro datediff(first_date, second_date, datepart) %}{{ return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) }}{% endmacro %}

{% macro date_trunc(datepart, date) %}{{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}{% endmacro %}

{% macro last_day(date, datepart) %}{{ return(adapter.dispatch('last_day', 'dbt')(date, datepart)) }}{% endmacro %}

{% macro get_intervals_between(start_date, end_date, datepart) %}{{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}{% endmacro %}
{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
    {%- set answer = run_query('select ' ~ dbt.datediff(start_date, end_date, datepart)) -%}
    {%- if answer is none or answer.rows | length == 0 -%}
        {{ return(1) }}
    {%- endif -%}
    {{ return(answer.columns[0].values()[0]) }}
{%- endmacro %}

{# The integers from 1 to `upper_bound`, as a query. #}
{% macro generate_series(upper_bound) %}{{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}{% endmacro %}

{% macro get_powers_of_two(upper_bound) %}{{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}{% endmacro %}
{% macro default__get_powers_of_two(upper_bound) -%}
    {%- if upper_bound <= 0 -%}
        {{ exceptions.raise_compiler_error('upper bound must be positive') }}
    {%- endif -%}
    {%- for power in range(1, 100) if 2 ** power >= upper_bound -%}
        {{ return(power) }}
    {%- endfor -%}
{%- endmacro %}

{# One row for each date part from `start_date` up to, not including, `end_date`. #}
{% macro date_spine(datepart, start_date, end_date) %}{{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}{% endmacro %}

{# Helpers for lists of dates, read by older packages. #}
{% macro convert_datetime(date_str, date_fmt) -%}
    {{ return(modules.datetime.datetime.strptime(date_str, date_fmt)) }}
{%- endmacro %}

{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt='%Y%m%d', out_fmt='%Y%m%d') -%}
    {%- set first = convert_datetime(start_date_str, in_fmt) -%}
    {%- set last = convert_datetime(end_date_str or start_date_str, in_fmt) -%}
    {%- if last < first -%}
        {{ exceptions.raise_compiler_error('the end date is before the start date: ' ~ end_date_str) }}
    {%- endif -%}
    {%- set dates = [] -%}
    {%- for days in range((last - first).days + 1) -%}
        {%- do dates.append((first + modules.datetime.timedelta(days=days)).strftime(out_fmt)) -%}
    {%- endfor -%}
    {{ return(dates) }}
{%- endmacro %}

{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') -%}
    {%- set parts = (raw_partition_date | string).replace(' ', '').split(',') -%}
    {%- if parts | length > 2 -%}
        {{ exceptions.raise_compiler_error('a partition range is one date or two: ' ~ raw_partition_date) }}
    {%- endif -%}
    {{ return(dates_in_range(parts[0], parts[1] if parts | length == 2 else none, in_fmt=date_fmt)) }}
{%- endmacro %}

{% macro py_current_timestring() -%}
    {{ return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) }}
{%- endmacro %}
