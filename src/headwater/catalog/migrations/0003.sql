-- In which order runs ended, so that each is told once to whoever keeps a copy of the ledger.
alter table run add column ended integer;

update run set ended = (
  select count(*) from run as other
  where other.finished_at <> ''
    and (other.finished_at, other.run_id) <= (run.finished_at, run.run_id)
) where finished_at <> '';

create index run_by_end on run (ended);
