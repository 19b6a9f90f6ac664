{{ config(schema='Other ', database='db2') }}
{% set q = run_query('select 1') %}
{% if execute %}{% set v = q.columns[0].values() %}{% endif %}
select 1 as id {% for x in v %} , {{ x }} {% endfor %} from {{ ref('stg_a') }} {{ mine('z') }}
