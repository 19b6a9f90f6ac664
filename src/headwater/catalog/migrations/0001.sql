-- Names, deployed nodes, runs, attempts and lineage. Times are ISO 8601 UTC text, which sorts.
create table relation (
  catalog text not null collate nocase,
  schema text not null collate nocase,
  name text not null collate nocase,
  kind text not null check (kind in ('table', 'view')),
  location text not null default '',
  sql text not null default '',
  columns text not null default '[]',
  reads text not null default '[]',
  run_id text not null,
  updated_at text not null,
  primary key (catalog, schema, name)
) without rowid;

create index relation_by_name on relation (name);

create table node (
  project text not null,
  target text not null,
  node text not null,
  run_id text not null,
  updated_at text not null,
  document blob not null,
  primary key (project, target, node)
) without rowid;

create table run (
  run_id text primary key,
  project text not null,
  target text not null,
  command text not null,
  status text not null,
  started_at text not null,
  finished_at text not null,
  process_id integer not null,
  host text not null,
  plan_hash text not null,
  plan blob not null
) without rowid;

create index run_by_status on run (status, started_at);

create table attempt (
  run_id text not null,
  node text not null,
  attempt integer not null,
  action text not null,
  status text not null,
  fingerprint text not null,
  message text not null,
  rows integer,
  version integer,
  cpu_seconds real not null,
  wall_seconds real not null,
  bytes_read integer,
  bytes_written integer not null,
  rows_read integer,
  rows_written integer not null,
  peak_memory_bytes integer,
  spilled_bytes integer,
  statements integer not null,
  estimate blob not null,
  input_bytes integer,
  started_at text not null,
  finished_at text not null,
  engine text not null,
  primary key (run_id, node, attempt)
) without rowid;

create index attempt_by_node on attempt (node, started_at desc);

create table lineage (
  run_id text not null,
  from_node text not null,
  from_catalog text not null,
  from_schema text not null,
  from_name text not null,
  from_column text not null,
  to_node text not null,
  to_table text not null,
  to_column text not null,
  kind text not null,
  subtype text not null
);

create index lineage_by_reader on lineage (to_node);
create index lineage_by_source on lineage (from_name, from_column);
