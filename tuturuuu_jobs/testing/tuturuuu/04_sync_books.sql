-- What sync and scheduling runs remember about themselves.

create table public.calendar_sync_states (
  ws_id uuid not null references public.workspaces (id) on delete cascade,
  calendar_id text not null default 'primary',
  sync_token text,
  last_synced_at timestamptz default now(),
  primary key (ws_id, calendar_id)
);

create table public.workspace_calendar_sync_coordination (
  ws_id uuid primary key references public.workspaces (id) on delete cascade,
  last_upsert timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger set_updated_at before update on public.workspace_calendar_sync_coordination
  for each row execute function public.set_updated_at();
create trigger audit_i_u_d
  after insert or update or delete on public.workspace_calendar_sync_coordination
  for each row execute function audit.insert_update_delete_trigger('ws_id');

create table public.calendar_sync_dashboard (
  id uuid primary key default gen_random_uuid(),
  updated_at timestamptz not null default now(),
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  triggered_by uuid not null references public.users (id),
  start_time timestamptz,
  end_time timestamptz,
  type text check (type in ('active', 'manual', 'background')),
  source text,
  status text check (status in ('completed', 'failed', 'running')),
  inserted_events integer default 0,
  updated_events integer default 0,
  deleted_events integer default 0,
  timing_google_api_fetch_ms integer,
  timing_token_operations_ms integer,
  timing_event_processing_ms integer,
  timing_database_writes_ms integer,
  timing_total_ms integer,
  google_api_calls_count integer default 0,
  google_api_pages_fetched integer default 0,
  google_api_retry_count integer default 0,
  google_api_error_code text,
  events_fetched_total integer default 0,
  events_filtered_out integer default 0,
  batch_count integer default 0,
  payload_size_bytes bigint,
  error_message text,
  error_type text,
  error_stack_trace text,
  failed_event_ids jsonb,
  calendar_ids_synced text[],
  calendar_connection_count integer default 0,
  was_blocked_by_cooldown boolean default false,
  cooldown_remaining_seconds integer,
  sync_token_used boolean default false,
  date_range_start timestamptz,
  date_range_end timestamptz,
  triggered_from text
);

create table private.workspace_calendar_sync_log (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on delete cascade,
  google_account_email text,
  sync_started_at timestamptz not null,
  sync_ended_at timestamptz,
  status text not null
    check (status in ('success', 'failed', 'in_progress', 'cancelled', 'partial_success')),
  error_message text,
  event_snapshot_before jsonb not null,
  upserted_events jsonb,
  deleted_events jsonb,
  triggered_by text not null check (triggered_by in ('active_sync', 'trigger_dot_dev', 'manual')),
  created_at timestamptz not null default now(),
  constraint workspace_calendar_sync_log_times_check check (sync_ended_at >= sync_started_at)
);

create table private.workspace_scheduling_metadata (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null unique references public.workspaces (id) on delete cascade,
  last_scheduled_at timestamptz,
  last_status text,
  last_message text,
  habits_scheduled integer default 0,
  tasks_scheduled integer default 0,
  events_created integer default 0,
  bumped_habits integer default 0,
  window_days integer default 30,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger set_updated_at before update on private.workspace_scheduling_metadata
  for each row execute function public.set_updated_at();
