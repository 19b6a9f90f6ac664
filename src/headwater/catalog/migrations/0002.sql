-- Who ran it, on how many processors, and what all of it took; null for runs of before.
alter table run add column user text not null default '';
alter table run add column cpus integer not null default 0;
alter table run add column cpu_seconds real;
alter table run add column wall_seconds real;

create index run_by_start on run (started_at);
create index attempt_by_start on attempt (started_at);
