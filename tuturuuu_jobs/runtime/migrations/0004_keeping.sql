-- Whose records a machine has spooled, and an end for events that lie in no month's partition.

-- Spooled records name the database that they are for, by this id and its own name: a database that
-- moved to another server is the same one, a copy beside it under another name is not.
create table jobs.installation (
    id  uuid not null default gen_random_uuid(),
    one boolean primary key default true check (one)
);
insert into jobs.installation default values;
alter table jobs.installation enable row level security;

-- As before, and rows of a month that lie in the default partition move into the month's own. That
-- partition is taken off meanwhile: rows of it may not be deleted as long as it belongs to the log.
create or replace function jobs.ensure_event_partitions(months integer) returns setof text
    language plpgsql security definer set search_path = '' as $$
declare
    first_month constant timestamp := date_trunc('month', now() at time zone 'UTC');
    lower_end timestamptz;
    upper_end timestamptz;
    partition text;
    taken_off boolean := false;
begin
    perform pg_advisory_xact_lock(hashtextextended('jobs.ensure_event_partitions', 0));
    for ahead in 0 .. greatest(months, 0) loop
        lower_end := (first_month + make_interval(months => ahead)) at time zone 'UTC';
        upper_end := (first_month + make_interval(months => ahead + 1)) at time zone 'UTC';
        partition := 'events_' || to_char(lower_end at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass('jobs.' || partition) is not null;
        if not taken_off and exists (
            select from jobs.events_default where at >= lower_end and at < upper_end
        ) then
            alter table jobs.events detach partition jobs.events_default;
            taken_off := true;
        end if;
        execute format(
            'create table jobs.%I partition of jobs.events for values from (%L) to (%L)',
            partition, lower_end, upper_end
        );
        execute format('alter table jobs.%I enable row level security', partition);
        execute format(
            'create trigger events_no_truncate before truncate on jobs.%I '
            'for each statement execute function jobs.refuse_change()',
            partition
        );
        if taken_off then
            with moved as (
                delete from jobs.events_default where at >= lower_end and at < upper_end
                returning id, at, xid, run_id, type, data
            )
            insert into jobs.events (id, at, xid, run_id, type, data) overriding system value
            select id, at, xid, run_id, type, data from moved;
        end if;
        return next partition;
    end loop;
    if taken_off then
        alter table jobs.events attach partition jobs.events_default default;
    end if;
end
$$;

-- Removes events older than so many days that lie in the default partition; returns how many. Like
-- the function that drops months, it never takes younger ones than a month.
create function jobs.remove_stray_events(days integer) returns bigint
    language plpgsql security definer set search_path = '' as $$
declare
    last_end constant timestamptz := now() - make_interval(days => greatest(days, 31));
    removed bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('jobs.ensure_event_partitions', 0));
    if to_regclass('jobs.events_default') is null then
        return 0;
    end if;
    if not exists (select from jobs.events_default where at < last_end) then
        return 0;
    end if;
    alter table jobs.events detach partition jobs.events_default;
    delete from jobs.events_default where at < last_end;
    get diagnostics removed = row_count;
    alter table jobs.events attach partition jobs.events_default default;
    return removed;
end
$$;

revoke execute on function jobs.remove_stray_events(integer) from public;
