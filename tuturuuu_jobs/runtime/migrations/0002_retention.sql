-- What monitoring and housekeeping ask the ledger for: failures by kind, children by parent, and
-- the end of old events.

create index runs_failures on jobs.runs (fingerprint, finished_at desc)
    where fingerprint is not null;
create index runs_children on jobs.runs (parent_run_id) where parent_run_id is not null;
create index runs_finished on jobs.runs (status, finished_at) where finished_at is not null;

-- Drops the partitions of months that ended longer ago than so many days; returns their names. It
-- runs with its owner's rights, since only an owner may drop them, and never takes younger ones
-- than a month: events are what an investigation starts from.
create function jobs.drop_event_partitions(days integer) returns setof text
    language plpgsql security definer set search_path = '' as $$
declare
    last_end constant timestamptz := now() - make_interval(days => greatest(days, 31));
    partition text;
begin
    perform pg_advisory_xact_lock(hashtextextended('jobs.ensure_event_partitions', 0));
    for partition in
        select child.relname
        from pg_catalog.pg_inherits
        join pg_catalog.pg_class child on child.oid = inhrelid
        where inhparent = 'jobs.events'::regclass and child.relname ~ '^events_\d{4}_\d{2}$'
        order by child.relname
    loop
        continue when (to_timestamp(right(partition, 7), 'YYYY_MM')::timestamp + interval '1 month')
            at time zone 'UTC' > last_end;
        execute format('drop table jobs.%I', partition);
        return next partition;
    end loop;
end
$$;

revoke execute on function jobs.drop_event_partitions(integer) from public;
