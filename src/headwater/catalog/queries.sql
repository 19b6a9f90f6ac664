-- Every statement that Headwater sends to its store, by name. Parameters are always bound.

-- name: identity
select id from identity;

-- name: put_relation
insert into relation
  (catalog, schema, name, kind, location, sql, columns, reads, run_id, updated_at)
values
  (:catalog, :schema, :name, :kind, :location, :sql, :columns, :reads, :run_id, :updated_at)
on conflict (catalog, schema, name) do update set
  name = excluded.name, kind = excluded.kind, location = excluded.location, sql = excluded.sql,
  columns = excluded.columns, reads = excluded.reads, run_id = excluded.run_id,
  updated_at = excluded.updated_at;

-- name: drop_relation
delete from relation where catalog = :catalog and schema = :schema and name = :name;

-- name: find_relation
select catalog, schema, name, kind, location, sql, columns, reads, run_id, updated_at
from relation where catalog = :catalog and schema = :schema and name = :name;

-- name: relations_called
select catalog, schema, name, kind, location, sql, columns, reads, run_id, updated_at
from relation where name = :name order by catalog, schema;

-- name: list_relations
select catalog, schema, name, kind, location, sql, columns, reads, run_id, updated_at
from relation order by catalog, schema, name;

-- name: put_node
insert into node (project, target, node, run_id, updated_at, document)
values (:project, :target, :node, :run_id, :updated_at, :document)
on conflict (project, target, node) do update set
  run_id = excluded.run_id, updated_at = excluded.updated_at, document = excluded.document;

-- name: drop_node
delete from node where project = :project and target = :target and node = :node;

-- name: list_nodes
select project, target, node, run_id, updated_at, document
from node where project = :project and target = :target order by node;

-- name: nodes_called
select project, target, node, run_id, updated_at, document
from node where node = :node order by project, target;

-- name: put_run
insert into run
  (run_id, project, target, command, status, started_at, finished_at, process_id, host, plan_hash,
   plan, user, cpus)
values
  (:run_id, :project, :target, :command, :status, :started_at, :finished_at, :process_id, :host,
   :plan_hash, :plan, :user, :cpus)
on conflict (run_id) do nothing;

-- name: finish_run
update run set status = :status, finished_at = :finished_at, cpu_seconds = :cpu_seconds,
  wall_seconds = :wall_seconds, ended = (select coalesce(max(ended), 0) + 1 from run)
where run_id = :run_id and status = 'running';

-- name: list_runs
select run_id, project, target, command, status, started_at, finished_at, process_id, host,
  plan_hash, plan, user, cpus, cpu_seconds, wall_seconds
from run where :status = '' or status = :status
order by started_at desc, run_id desc limit :limit;

-- name: runs_between
select run_id, project, target, command, status, started_at, finished_at, process_id, host,
  plan_hash, x'', user, cpus, cpu_seconds, wall_seconds
from run where started_at >= :since and started_at < :until
order by started_at, run_id;

-- name: runs_ended_after
select run_id, project, target, command, status, started_at, finished_at, process_id, host,
  plan_hash, x'', user, cpus, cpu_seconds, wall_seconds, ended
from run where ended > :after order by ended limit :limit;

-- name: attempts_between
select run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
  wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
  spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine, logical_bytes
from attempt
where status <> 'started'
  and run_id in (select run_id from run where started_at >= :since and started_at < :until)
order by started_at desc, run_id desc, node desc, attempt desc limit :limit;

-- name: usage_totals
-- Added up here, because a year of attempts takes seconds to read. What a run used beside its
-- attempts is the rule of `ledger_rows`, and the tests of metastores hold both to one answer.
with chosen as (
  select run_id, project, target, command, user, substr(started_at, 1, 10) as day, cpu_seconds
  from run
  where started_at >= :since and started_at < :until
    and substr(run_id, 1, length(:run)) = :run
), used as (
  select attempt.run_id, node, count(*) as attempts, sum(attempt.cpu_seconds) as cpu_seconds,
    sum(bytes_read) as bytes_read, sum(logical_bytes) as logical_bytes,
    sum(bytes_written) as bytes_written
  from attempt
  where status <> 'started' and run_id in (select run_id from chosen)
  group by attempt.run_id, node
), parts as (
  select run_id, node, 'statement' as kind, attempts, cpu_seconds, bytes_read, logical_bytes,
    bytes_written
  from used
  union all
  select run_id, '', 'overhead', 0,
    cpu_seconds - coalesce((select sum(used.cpu_seconds) from used
                            where used.run_id = chosen.run_id), 0), 0, null, 0
  from chosen where cpu_seconds is not null
)
select project, target, command, user, day, case when :by_run then run_id else '' end as run,
  case when :by_run then '' else node end as used_by, kind, sum(attempts),
  sum(parts.cpu_seconds), coalesce(sum(bytes_read), 0), sum(logical_bytes), sum(bytes_written)
from parts join chosen using (run_id)
group by project, target, command, user, day, run, used_by, kind
order by project, target, command, user, day, run, used_by, kind;

-- name: put_attempt
insert into attempt
  (run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
   wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
   spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine,
   logical_bytes)
values
  (:run_id, :node, :attempt, :action, :status, :fingerprint, :message, :rows, :version,
   :cpu_seconds, :wall_seconds, :bytes_read, :bytes_written, :rows_read, :rows_written,
   :peak_memory_bytes, :spilled_bytes, :statements, :estimate, :input_bytes, :started_at,
   :finished_at, :engine, :logical_bytes)
on conflict (run_id, node, attempt) do update set
  status = excluded.status, message = excluded.message, rows = excluded.rows,
  version = excluded.version, cpu_seconds = excluded.cpu_seconds,
  wall_seconds = excluded.wall_seconds, bytes_read = excluded.bytes_read,
  bytes_written = excluded.bytes_written, rows_read = excluded.rows_read,
  rows_written = excluded.rows_written, peak_memory_bytes = excluded.peak_memory_bytes,
  spilled_bytes = excluded.spilled_bytes, statements = excluded.statements,
  input_bytes = excluded.input_bytes, finished_at = excluded.finished_at,
  logical_bytes = excluded.logical_bytes;

-- name: attempts_of_run
select run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
  wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
  spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine, logical_bytes
from attempt where run_id = :run_id order by started_at, node, attempt;

-- name: attempts_of_node
select run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
  wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
  spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine, logical_bytes
from attempt where node = :node
order by started_at desc, run_id desc, attempt desc limit :limit;

-- name: newest_attempts
select run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
  wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
  spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine, logical_bytes
from (
  select attempt.*, row_number() over (
    partition by node order by started_at desc, run_id desc, attempt desc) as position
  from attempt
  where status in ('success', 'pass', 'warn', 'fail')
    and run_id in (select run_id from run where project = :project and target = :target)
) where position <= :limit
order by node, position;

-- name: attempts_left_open
select run_id, node, attempt, action, status, fingerprint, message, rows, version, cpu_seconds,
  wall_seconds, bytes_read, bytes_written, rows_read, rows_written, peak_memory_bytes,
  spilled_bytes, statements, estimate, input_bytes, started_at, finished_at, engine, logical_bytes
from attempt where run_id = :run_id and status = 'started' order by node, attempt;

-- name: close_attempts
update attempt set status = 'error', message = :message, finished_at = :finished_at
where run_id = :run_id and status = 'started';

-- name: drop_lineage
delete from lineage where to_node = :to_node;

-- name: put_lineage
insert into lineage
  (run_id, from_node, from_catalog, from_schema, from_name, from_column, to_node, to_table,
   to_column, kind, subtype)
values
  (:run_id, :from_node, :from_catalog, :from_schema, :from_name, :from_column, :to_node,
   :to_table, :to_column, :kind, :subtype);

-- name: list_lineage
select run_id, from_node, from_catalog, from_schema, from_name, from_column, to_node, to_table,
  to_column, kind, subtype
from lineage where :to_node = '' or to_node = :to_node
order by to_node, to_column, kind, from_catalog, from_schema, from_name, from_column, subtype;
