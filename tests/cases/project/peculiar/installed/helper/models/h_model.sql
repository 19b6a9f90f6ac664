{{ config(materialized='incremental', schema='own') }} select 1 as id, '{{ var('flavour') }}' as f
