{{ config(materialized='incremental', unique_key=['id','b'], incremental_strategy='delete+insert') }}
select {{ helper.twice('id') }} from {{ ref('stg_deep') }} join {{ ref('helper', 'h_model') }} using(id) join {{ ref('seed_a') }} using (id)
{% if is_incremental() %}where 1=1{% endif %}
