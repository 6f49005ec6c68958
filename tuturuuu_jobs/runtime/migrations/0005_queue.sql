-- Work that waits for a worker: what was asked for in jobs.requests, the engine's own tables in a
-- schema of theirs. Producers call jobs.enqueue inside their own transaction and need nothing else.

create schema jobs_queue;
revoke all on schema jobs_queue from public;
-- The engine's statements name no schema; its functions find their tables by the path of the caller.
set local search_path = jobs_queue, pg_catalog;
-- include: procrastinate/sql/schema.sql
set local search_path to default;
alter table jobs_queue.procrastinate_jobs enable row level security;
alter table jobs_queue.procrastinate_events enable row level security;
alter table jobs_queue.procrastinate_workers enable row level security;
alter table jobs_queue.procrastinate_periodic_defers enable row level security;

-- One row for each run that somebody asked for. Its id is that of its first run; a run that must be
-- begun anew (its worker died, its key was held) gets another one: current_run.
create table jobs.requests (
    id              uuid primary key,
    job             text not null,
    ws_id           uuid not null,
    concurrency_key text not null,
    payload         jsonb not null,
    work            text not null,
    twin            text,
    idempotency_key text,
    state           text not null default 'queued' check (state in ('queued', 'running', 'done')),
    status          text,
    code            text,
    priority        integer not null default 0,
    run_at          timestamptz,
    expires_at      timestamptz,
    tags            jsonb not null default '{}',
    slot            timestamptz,
    parent_run_id   uuid,
    replay_of       uuid,
    cancel_reason   text,
    current_run     uuid,
    delivery        integer not null default 0,
    tries           integer not null default 0,
    created_at      timestamptz not null default now(),
    finished_at     timestamptz,
    constraint requests_done_is_finished check (
        (state = 'done') = (finished_at is not null) and (state = 'done') = (status is not null)
    )
);
alter table jobs.requests enable row level security;

-- As with the slot of a run: a failure frees the key, everything else keeps it.
create unique index requests_one_per_key on jobs.requests (job, idempotency_key)
    where state <> 'done' or status in ('succeeded', 'partial');
-- Two that ask for the same at once: the second one waits for the first one's transaction.
create unique index requests_one_twin on jobs.requests (twin)
    where state = 'queued' and delivery = 0;
create index requests_waiting on jobs.requests (work) where state = 'queued';
create index requests_finished on jobs.requests (finished_at) where state = 'done';
create index requests_of_key on jobs.requests (concurrency_key, job);
create index requests_of_run on jobs.requests (current_run);
create index requests_to_look_at on jobs.requests (created_at)
    where state <> 'done' or status not in ('succeeded', 'partial');

-- What is wrong with a payload, in words that name fields and repeat no value; null if nothing is.
create function jobs.complain_about_payload(job text, payload jsonb) returns text
    language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    workspace constant text := coalesce(payload ->> 'ws_id', payload ->> 'wsId');
    field record;
begin
    if job is null or job not in ('sync', 'full-sync', 'schedule') then
        return 'there is no such job; one of sync, full-sync, schedule';
    end if;
    if payload is null or jsonb_typeof(payload) <> 'object' then
        return 'the payload should be a JSON object';
    end if;
    -- Nothing but the workspace, as most of the time: there is nothing else to look at.
    if payload - 'ws_id' = '{}' and workspace ~*
        '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then
        return null;
    end if;
    if length(payload::text) > 32768 then
        return 'the payload is longer than 32 KiB';
    end if;
    for field in
        with recursive part (name, value) as (
            select key, each.value from jsonb_each(payload) each
            union all
            select coalesce(inner_part.key, part.name), inner_part.value
            from part
            cross join lateral (
                select key, value from jsonb_each(
                    case jsonb_typeof(part.value) when 'object' then part.value else '{}' end
                )
                union all
                select null, value from jsonb_array_elements(
                    case jsonb_typeof(part.value) when 'array' then part.value else '[]' end
                )
            ) inner_part
        )
        select name, value #>> '{}' as text_value, jsonb_typeof(value) as kind from part
    loop
        if field.kind <> 'null' and field.name ~*
            '(password|passwd|secret|authorization|cookie|token|api[_-]?key|master[_-]?key)'
        then
            return format('the field %s is refused: secrets do not travel in payloads',
                          left(field.name, 40));
        end if;
        if field.kind = 'string' and field.text_value ~* (
            '(\mya29\.|(^|[^\w/])1//[\w-]{6,}|\meyJ[\w-]{4,}\.[\w-]{4,}|\m(GOCSPX-|AIza|sbp_|sb_secret_)'
            '[\w-]{8,}|\m(Bearer|Basic)\s+[\w.~+/=-]{8,}|\m[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s]*@)'
        ) then
            return format('the field %s is refused: its value looks like a secret',
                          left(field.name, 40));
        end if;
    end loop;
    if workspace is null or not workspace ~*
        '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then
        return 'the field ws_id should be the id of a workspace';
    end if;
    -- The fields that jobs know, by what they may be; others are kept out by the run, with a warning.
    for field in
        select known.name, known.kind, known.pattern, given.value
        from jsonb_each(payload) given
        join (values
            ('ws_id', 'string', null),
            ('calendars', 'array', null),
            ('past', 'string', '^(0|[1-9][0-9]{0,9})[smhd]$'),
            ('future', 'string', '^(0|[1-9][0-9]{0,9})[smhd]$'),
            ('allow_mass_delete', 'boolean', null),
            ('window_days', 'number', '^-?[0-9]{1,9}$'),
            ('force_reschedule', 'boolean', null),
            ('user_id', 'string', '^[0-9a-fA-F-]{36}$'),
            ('timezone', 'string', '^[A-Za-z0-9_+/-]{1,64}$'),
            ('client_timezone', 'string', '^[A-Za-z0-9_+/-]{1,64}$'),
            ('engine', 'string', '^(local|app)$')
        ) known (name, kind, pattern)
            on known.name = lower(regexp_replace(given.key, '([A-Z])', '_\1', 'g'))
        where jsonb_typeof(given.value) <> 'null'
    loop
        if jsonb_typeof(field.value) <> field.kind
            or not coalesce(field.value #>> '{}' ~ field.pattern, true)
        then
            return format('the field %s has a value of a wrong kind', field.name);
        end if;
    end loop;
    return null;
end
$$;

-- What is wrong with a wish, in words that repeat no value; null if nothing is.
create function jobs.complain_about_wish(
    job text, payload jsonb, idempotency_key text, expires interval, tags jsonb
) returns text
    language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if length(idempotency_key) > 200 then
        return 'the idempotency key is longer than 200 characters';
    end if;
    if expires <= interval '0' then
        return 'expires should be longer than zero';
    end if;
    if tags <> '{}' then
        if jsonb_typeof(tags) <> 'object' or length(tags::text) > 4096 then
            return 'tags should be a small JSON object';
        end if;
        if exists (
            select from jsonb_each(tags) tag
            where tag.key !~ '^[^=[:space:][:cntrl:]-][^=[:cntrl:]]*$'
                or jsonb_typeof(tag.value) <> 'string' or tag.value #>> '{}' ~ '[[:cntrl:]]'
        ) then
            return 'a tag is a name without "=" and a line of text';
        end if;
    end if;
    return coalesce(
        jobs.complain_about_payload(job, payload),
        case when tags <> '{}' then
            jobs.complain_about_payload(job, payload || jsonb_build_object('tags', tags))
        end
    );
end
$$;

-- The rules that a wish is kept by; whoever calls them has a search path of its own.
create function jobs.key_of_wish(job text, payload jsonb) returns text
    language sql immutable as $$
    select case job when 'schedule' then 'schedule-' else 'google-calendar-sync-' end
        || coalesce(payload ->> 'ws_id', payload ->> 'wsId')::uuid
$$;
create function jobs.work_of_wish(
    job text, payload jsonb, due timestamptz, slot timestamptz
) returns text
    language sql stable as $$
    select md5(concat_ws('/', job, jobs.key_of_wish(job, payload), payload - 'ws_id' - 'wsId',
                         extract(epoch from due), extract(epoch from slot)))
$$;
-- Rises with time like the ids of runs.
create function jobs.new_request_id() returns uuid
    language sql volatile as $$
    select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
            || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;

-- Asks for a run and returns its id, inside the caller's transaction: it is rolled back with it.
-- Work that waits already is not put there twice: the answer is the waiting run's id. That row
-- stays locked until the caller commits, so that a worker cannot begin before it sees what the
-- caller wrote. Who asks for what another open transaction has just asked for waits until that one
-- ends, but not for long and never at the price of its own transaction: rather there are two runs,
-- of which the second one finds nothing to do. The errors: 22023, naming the field.
create function jobs.enqueue(
    job text,
    payload jsonb,
    idempotency_key text default null,
    run_at timestamptz default null,
    expires interval default null,
    priority integer default 0,
    tags jsonb default '{}',
    parent_run_id uuid default null,
    slot timestamptz default null,
    replay_of uuid default null
) returns uuid
    language plpgsql security definer set search_path = pg_catalog, jobs_queue, pg_temp as $$
#variable_conflict use_variable
declare
    wrong constant text := jobs.complain_about_wish(job, payload, idempotency_key, expires, tags);
    workspace uuid;
    key text;
    work text;
    due timestamptz;
    ends timestamptz;
    id uuid;
    known uuid;
    twin text;
    patience constant text := current_setting('lock_timeout');
    is_new boolean;
begin
    if wrong is not null then
        raise exception 'jobs.enqueue: %', wrong using errcode = '22023';
    end if;
    workspace := coalesce(payload ->> 'ws_id', payload ->> 'wsId')::uuid;
    key := jobs.key_of_wish(job, payload);
    due := case when run_at > now() then run_at end;
    ends := coalesce(due, now()) + expires;
    work := jobs.work_of_wish(job, payload, due, slot);
    -- In a snapshot of its own a caller could not see whom it waited for.
    if idempotency_key is null
        and current_setting('transaction_isolation') in ('read committed', 'read uncommitted')
    then
        twin := work;
    end if;
    id := jobs.new_request_id();
    loop
        if idempotency_key is null then
            select waiting.id into known from jobs.requests waiting
            where waiting.work = work and waiting.state = 'queued'
              and waiting.idempotency_key is null
              and waiting.priority >= coalesce(priority, 0)
              and (waiting.expires_at is null or waiting.expires_at >= ends)
            order by waiting.created_at limit 1
            for share skip locked;
            if found then
                return known;
            end if;
        end if;
        begin
            if twin is not null then
                perform set_config('lock_timeout', '2s', true);
            end if;
            insert into jobs.requests (
                id, job, ws_id, concurrency_key, payload, work, twin, idempotency_key, priority,
                run_at, expires_at, tags, slot, parent_run_id, replay_of
            ) values (
                id, job, workspace, key, payload, work, twin, idempotency_key,
                coalesce(priority, 0), due, ends, coalesce(tags, '{}'), slot, parent_run_id,
                replay_of
            ) on conflict do nothing;
            is_new := found;
            if twin is not null then
                perform set_config('lock_timeout', patience, true);
            end if;
        exception when lock_not_available or deadlock_detected then
            if twin is null then
                raise;
            end if;
            is_new := false;
        end;
        exit when is_new;
        if idempotency_key is null then
            -- Whoever is in the way is found now, or is no substitute, or takes too long.
            twin := null;
        else
            select earlier.id into known from jobs.requests earlier
            where earlier.job = job and earlier.idempotency_key = idempotency_key
              and (earlier.state <> 'done' or earlier.status in ('succeeded', 'partial'));
            if found then
                return known;
            end if;
        end if;
    end loop;
    -- What comes later must not stand in the way of what may begin now: it has a lock of its own
    -- there, and the run's own key decides.
    insert into jobs_queue.procrastinate_jobs (
        queue_name, task_name, priority, lock, args, scheduled_at
    ) values (
        case job when 'schedule' then 'schedule' else 'calendar-sync' end, 'tuturuuu.run',
        coalesce(priority, 0), case when due is null then key else key || '/' || id end,
        jsonb_build_object('request', id), due
    );
    return id;
end
$$;

-- The same for many payloads at once, at a fraction of the time; the ids come in their order.
create function jobs.enqueue_many(
    job text,
    payloads jsonb[],
    idempotency_keys text[] default null,
    run_at timestamptz default null,
    expires interval default null,
    priority integer default 0,
    tags jsonb default '{}',
    parent_run_id uuid default null,
    slot timestamptz default null
) returns uuid[]
    language plpgsql security definer set search_path = pg_catalog, jobs_queue, pg_temp as $$
#variable_conflict use_variable
declare
    due constant timestamptz := case when run_at > now() then run_at end;
    ends constant timestamptz := coalesce(due, now()) + expires;
    patience constant text := current_setting('lock_timeout');
    wrong text;
    ids uuid[] := array_fill(null::uuid, array[coalesce(cardinality(payloads), 0)]);
begin
    if cardinality(idempotency_keys) <> cardinality(ids) then
        raise exception 'jobs.enqueue: there should be one idempotency key for each payload'
            using errcode = '22023';
    end if;
    select found.complaint into wrong
    from unnest(payloads, idempotency_keys) wish (payload, idempotency_key)
    cross join lateral jobs.complain_about_wish(
        job, wish.payload, wish.idempotency_key, expires, tags
    ) found (complaint)
    where found.complaint is not null limit 1;
    if wrong is not null then
        raise exception 'jobs.enqueue: %', wrong using errcode = '22023';
    end if;
    -- In a snapshot of its own a caller could not see whom it waited for.
    if current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
        begin
            perform set_config('lock_timeout', '2s', true);
            with wished as materialized (
                select wish.place, wish.payload, wish.idempotency_key, jobs.new_request_id() as id,
                       jobs.key_of_wish(job, wish.payload) as key,
                       jobs.work_of_wish(job, wish.payload, due, slot) as work
                from unnest(payloads, idempotency_keys)
                    with ordinality wish (payload, idempotency_key, place)
            ), added as (
                insert into jobs.requests (
                    id, job, ws_id, concurrency_key, payload, work, twin, idempotency_key, priority,
                    run_at, expires_at, tags, slot, parent_run_id
                )
                select wished.id, job, coalesce(payload ->> 'ws_id', payload ->> 'wsId')::uuid,
                       wished.key, wished.payload, wished.work,
                       case when wished.idempotency_key is null then wished.work end,
                       wished.idempotency_key, coalesce(priority, 0), due, ends,
                       coalesce(tags, '{}'), slot, parent_run_id
                from wished
                -- What waits already may have to be looked at.
                where not exists (
                    select from jobs.requests waiting
                    where waiting.work = wished.work and waiting.state = 'queued'
                )
                -- Whoever asks for the same waits for the one before and not in a circle.
                order by wished.work, wished.idempotency_key
                on conflict do nothing
                returning id
            ), put as (
                insert into jobs_queue.procrastinate_jobs (
                    queue_name, task_name, priority, lock, args, scheduled_at
                )
                select case job when 'schedule' then 'schedule' else 'calendar-sync' end,
                       'tuturuuu.run', coalesce(priority, 0),
                       case when due is null then wished.key else wished.key || '/' || wished.id end,
                       jsonb_build_object('request', wished.id), due
                from wished join added on added.id = wished.id
                order by wished.place
            )
            select array_agg(added.id order by wished.place) into ids
            from wished left join added on added.id = wished.id;
            perform set_config('lock_timeout', patience, true);
        exception when lock_not_available or deadlock_detected then
            -- None was added: each may wait for itself.
        end;
    end if;
    for place in 1 .. coalesce(cardinality(payloads), 0) loop
        if ids[place] is null then
            ids[place] := jobs.enqueue(
                job, payloads[place], idempotency_keys[place], run_at, expires, priority, tags,
                parent_run_id, slot
            );
        end if;
    end loop;
    return coalesce(ids, '{}');
end
$$;

-- Where a run that was asked for stands: state is queued, running or done; then status and code as
-- in the ledger, and the result if a run got that far. Null if nobody asked for such a run.
create function jobs.run_status(run_id uuid) returns jsonb
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select jsonb_build_object(
        'run_id', request.id,
        'state', request.state,
        'status', request.status,
        'code', request.code,
        'job', request.job,
        'ws_id', request.ws_id,
        'queued_at', request.created_at,
        'run_at', request.run_at,
        'finished_at', request.finished_at,
        'current_run', request.current_run,
        'result', case
            when request.state = 'done'
                and (request.status <> 'cancelled' or run.status = 'cancelled')
            then run.result
        end
    )
    from jobs.requests request
    left join jobs.runs run on run.id = request.current_run
    where request.id = run_status.run_id
$$;

-- Every run, and what was asked for and no run tells of: it waits for its first run or for another
-- one, or has ended without. Tries are bounded by the worker.
create view jobs.all_runs as
select id, job, ws_id, concurrency_key, status, code, exit_code, payload, result, counters, error,
       fingerprint, attempt, max_attempts, slot, parent_run_id, replay_of, trigger, tags, host, pid,
       invocation_id, code_version, created_at, started_at, heartbeat_at, deadline_at, finished_at,
       cancel_requested_at, cancel_reason, false as only_asked
from jobs.runs
union all
select request.id, request.job, request.ws_id, request.concurrency_key,
       coalesce(request.status, request.state),
       case request.state when 'done' then request.code else run.code end,
       null, request.payload, null, '{}', null,
       case when request.status not in ('cancelled', 'expired')
            then sha256(convert_to(request.job || chr(10) || request.code, 'UTF8')) end,
       request.tries, 5, request.slot, request.parent_run_id, request.replay_of, 'queue',
       request.tags, null, null, null, '', request.created_at, null, null, null,
       request.finished_at, null, request.cancel_reason, true
from jobs.requests request
left join jobs.runs run on run.id = request.current_run
where (request.state <> 'done' or request.status not in ('succeeded', 'partial'))
  and (run.id is null or request.state = 'queued'
       or (request.status in ('cancelled', 'expired') and run.status <> request.status));

-- As before, and what will be begun anew without anybody's help does not need a person yet.
create or replace view jobs.exhausted as
select newest.*
from (
    select distinct on (job, concurrency_key)
           id, job, ws_id, concurrency_key, status, code, exit_code, attempt, max_attempts,
           error, finished_at
    from jobs.all_runs
    where status not in ('queued', 'running', 'skipped', 'expired')
    order by job, concurrency_key, finished_at desc
) newest
where status not in ('succeeded', 'partial', 'cancelled')
  and not exists (
      select from jobs.requests waiting
      where waiting.concurrency_key = newest.concurrency_key and waiting.job = newest.job
        and waiting.state <> 'done' and coalesce(waiting.run_at <= now(), true)
  );

revoke execute on function jobs.complain_about_payload(text, jsonb) from public;
revoke execute on function jobs.complain_about_wish(text, jsonb, text, interval, jsonb) from public;
revoke execute on function jobs.key_of_wish(text, jsonb) from public;
revoke execute on function jobs.work_of_wish(text, jsonb, timestamptz, timestamptz) from public;
revoke execute on function jobs.new_request_id() from public;
revoke execute on function jobs.enqueue_many(
    text, jsonb[], text[], timestamptz, interval, integer, jsonb, uuid, timestamptz
) from public;
revoke execute on function jobs.enqueue(
    text, jsonb, text, timestamptz, interval, integer, jsonb, uuid, timestamptz, uuid
) from public;
revoke execute on function jobs.run_status(uuid) from public;
