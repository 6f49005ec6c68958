-- The jobs' own schema: runs, their attempts and events, queues, rate limits, readers' cursors and
-- the calendars' windows. Row security is on everywhere without a policy: the web API sees nothing.

create table jobs.runs (
    id                  uuid primary key,
    job                 text not null,
    ws_id               uuid,
    concurrency_key     text not null,
    idempotency_key     text,
    slot                timestamptz,
    status              text not null check (status in (
                            'queued', 'running', 'succeeded', 'partial', 'failed', 'rejected',
                            'unavailable', 'timed_out', 'cancelled', 'interrupted', 'crashed',
                            'lost', 'skipped', 'expired')),
    code                text,
    exit_code           integer,
    payload             jsonb not null default '{}',
    result              jsonb,
    counters            jsonb not null default '{}',
    error               jsonb,
    fingerprint         bytea,
    attempt             integer not null default 0 check (attempt >= 0),
    max_attempts        integer not null default 1 check (max_attempts >= 1),
    parent_run_id       uuid,
    replay_of           uuid,
    trigger             text not null check (trigger in (
                            'timer', 'hand', 'orchestrator', 'queue', 'replay')),
    tags                jsonb not null default '{}',
    locks               text not null default 'both' check (locks in ('both', 'advisory', 'file')),
    host                text,
    boot_id             text,
    pid                 integer,
    pid_start           bigint,
    pid_ns              bigint,
    invocation_id       text,
    code_version        text not null default '',
    created_at          timestamptz not null default now(),
    started_at          timestamptz,
    heartbeat_at        timestamptz,
    deadline_at         timestamptz,
    finished_at         timestamptz,
    cancel_requested_at timestamptz,
    cancel_reason       text,
    epoch               bigint not null default 0,
    constraint runs_final_is_finished check (
        (status in ('queued', 'running')) = (finished_at is null)
    )
);

-- A failure frees the key of a slot; success, and a run under way, keep it.
create unique index runs_one_per_slot on jobs.runs (idempotency_key)
    where status in ('queued', 'running', 'succeeded', 'partial');
-- Third line of defence behind the locks.
create unique index runs_one_running_per_key on jobs.runs (concurrency_key)
    where status = 'running';
create index runs_history on jobs.runs (job, concurrency_key, finished_at desc);
create index runs_recent on jobs.runs (created_at desc);
create index runs_heartbeat on jobs.runs (status, heartbeat_at) where status = 'running';

create table jobs.attempts (
    run_id        uuid not null references jobs.runs on delete cascade,
    n             integer not null check (n >= 1),
    started_at    timestamptz not null,
    finished_at   timestamptz,
    status        text not null,
    code          text,
    error         jsonb,
    wait_s        double precision,
    retry_after_s double precision,
    primary key (run_id, n)
);

-- Append-only. xid lets a reader stay behind the oldest open transaction: identity values become
-- visible out of order, and a reader that trusts them alone loses rows for ever.
create table jobs.events (
    id     bigint generated always as identity,
    at     timestamptz not null default now(),
    xid    xid8 not null default pg_current_xact_id(),
    run_id uuid,
    type   text not null,
    data   jsonb not null default '{}',
    primary key (at, id)
) partition by range (at);

create index events_order on jobs.events (xid, id);
create index events_of_run on jobs.events (run_id, id);

create table jobs.events_default partition of jobs.events default;
alter table jobs.events_default enable row level security;

create function jobs.refuse_change() returns trigger
    language plpgsql set search_path = '' as $$
begin
    raise exception 'jobs.events is append-only' using errcode = '55000';
end
$$;

create trigger events_no_change before update or delete on jobs.events
    for each row execute function jobs.refuse_change();
create trigger events_no_truncate before truncate on jobs.events
    for each statement execute function jobs.refuse_change();
create trigger events_no_truncate before truncate on jobs.events_default
    for each statement execute function jobs.refuse_change();

-- Creates the partitions of this month and of so many months to come; returns those it made. A
-- month whose rows already lie in the default partition stays there. Months are those of UTC. It
-- runs with its owner's rights, since only an owner may add partitions.
create function jobs.ensure_event_partitions(months integer) returns setof text
    language plpgsql security definer set search_path = '' as $$
declare
    first_month constant timestamp := date_trunc('month', now() at time zone 'UTC');
    lower_end timestamptz;
    upper_end timestamptz;
    partition text;
begin
    perform pg_advisory_xact_lock(hashtextextended('jobs.ensure_event_partitions', 0));
    for ahead in 0 .. greatest(months, 0) loop
        lower_end := (first_month + make_interval(months => ahead)) at time zone 'UTC';
        upper_end := (first_month + make_interval(months => ahead + 1)) at time zone 'UTC';
        partition := 'events_' || to_char(lower_end at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass('jobs.' || partition) is not null;
        continue when exists (
            select from jobs.events_default where at >= lower_end and at < upper_end
        );
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
        return next partition;
    end loop;
end
$$;

revoke execute on function jobs.ensure_event_partitions(integer) from public;

select jobs.ensure_event_partitions(2);

create table jobs.queues (
    name         text primary key,
    total_limit  integer not null check (total_limit >= 1),
    paused_until timestamptz,
    paused_by    text,
    reason       text
);

insert into jobs.queues (name, total_limit) values ('calendar-sync', 10), ('schedule', 5);

create table jobs.rate_buckets (
    name          text primary key,
    tokens        double precision not null,
    capacity      double precision not null check (capacity > 0),
    per_second    double precision not null check (per_second > 0),
    updated_at    timestamptz not null default now(),
    blocked_until timestamptz
);

create table jobs.cursors (
    consumer      text primary key,
    last_xid      xid8 not null default '0',
    last_event_id bigint not null default 0,
    updated_at    timestamptz not null default now()
);

-- How far ahead each calendar was completely listed, by which of the workspace's accounts.
create table jobs.calendar_windows (
    ws_id           uuid not null,
    auth_token_id   uuid not null,
    calendar_id     text not null,
    edge            timestamptz,
    last_success_at timestamptz,
    last_full_at    timestamptz,
    run_id          uuid,
    updated_at      timestamptz not null default now(),
    primary key (ws_id, auth_token_id, calendar_id)
);

alter table jobs.runs enable row level security;
alter table jobs.attempts enable row level security;
alter table jobs.events enable row level security;
alter table jobs.queues enable row level security;
alter table jobs.rate_buckets enable row level security;
alter table jobs.cursors enable row level security;
alter table jobs.calendar_windows enable row level security;

-- What needs a person: keys whose newest run that did anything has failed for good.
create view jobs.exhausted as
select newest.*
from (
    select distinct on (job, concurrency_key)
           id, job, ws_id, concurrency_key, status, code, exit_code, attempt, max_attempts,
           error, finished_at
    from jobs.runs
    where status not in ('queued', 'running', 'skipped', 'expired')
    order by job, concurrency_key, finished_at desc
) newest
where status not in ('succeeded', 'partial', 'cancelled');

create view jobs.last_success as
select distinct on (job, concurrency_key) job, ws_id, concurrency_key, id as run_id, finished_at
from jobs.runs
where status = 'succeeded'
order by job, concurrency_key, finished_at desc;
