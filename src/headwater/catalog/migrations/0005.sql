-- What was read by the statistics of the files, beside what the engine fetched; null in older rows.
alter table attempt add column logical_bytes integer;
