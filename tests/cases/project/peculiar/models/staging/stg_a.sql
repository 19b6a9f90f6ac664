{{ config(tags=['a','b'], meta={'x': 1}, pre_hook=["select 1", {'sql': "select 2", 'transaction': False}]) }}
select * from {{ source('raw', 'a') }} where d > '{{ var("start") }}'
