-- The events themselves.

create table public.workspace_calendar_events (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  title text not null default '',
  description text not null default '',
  location text,
  start_at timestamptz not null,
  end_at timestamptz not null,
  color text references public.calendar_event_colors (value) on delete set default,
  locked boolean not null default false,
  created_at timestamptz default now(),
  google_event_id text,
  google_calendar_id text,
  provider public.calendar_provider default 'tuturuuu',
  external_calendar_id text,
  external_event_id text,
  source_calendar_id uuid references private.workspace_calendars (id) on delete set null,
  task_id uuid,
  is_encrypted boolean not null default false,
  scheduling_source public.calendar_scheduling_source default 'manual',
  scheduling_metadata jsonb,
  external_updated_at timestamptz,
  last_synced_at timestamptz,
  sync_status text not null default 'local_only'
    check (sync_status in ('idle', 'syncing', 'synced', 'failed', 'conflict', 'local_only')),
  sync_error text
);
create unique index workspace_calendar_events_provider_external_key
  on public.workspace_calendar_events (ws_id, provider, external_calendar_id, external_event_id);
create index on public.workspace_calendar_events
  (ws_id, provider, external_calendar_id, external_event_id);
create index on public.workspace_calendar_events (ws_id, provider);
create index on public.workspace_calendar_events (ws_id, scheduling_source);
create index on public.workspace_calendar_events (ws_id, sync_status);
create index on public.workspace_calendar_events (ws_id, last_synced_at);
create index on public.workspace_calendar_events (start_at);
create index on public.workspace_calendar_events (end_at);
create index on public.workspace_calendar_events (source_calendar_id);
create index on public.workspace_calendar_events (google_calendar_id);
create index on public.workspace_calendar_events (ws_id, google_calendar_id);
create index on public.workspace_calendar_events (task_id) where task_id is not null;
