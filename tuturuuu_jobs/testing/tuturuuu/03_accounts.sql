-- Accounts at calendar providers and which of their calendars are synced.

create table public.calendar_auth_tokens (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on update cascade on delete cascade,
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  provider text not null default 'google' check (provider in ('google', 'microsoft')),
  access_token text not null,
  refresh_token text not null,
  account_email text,
  account_name text,
  expires_at timestamptz,
  is_active boolean not null default true,
  created_at timestamp not null default (now() at time zone 'utc')
);
create unique index calendar_auth_tokens_account_unique
  on public.calendar_auth_tokens (user_id, ws_id, provider, account_email)
  where account_email is not null;

create table public.calendar_connections (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  auth_token_id uuid
    references public.calendar_auth_tokens (id) on update cascade on delete set null,
  provider text not null default 'google' check (provider in ('google', 'microsoft')),
  calendar_id text not null,
  calendar_name text not null,
  is_enabled boolean not null default true,
  color text,
  workspace_calendar_id uuid references private.workspace_calendars (id) on delete set null,
  access_role text default 'writer',
  sync_inbound_enabled boolean not null default true,
  sync_outbound_enabled boolean not null default false,
  sync_delete_enabled boolean not null default true,
  created_at timestamp not null default (now() at time zone 'utc'),
  updated_at timestamp not null default (now() at time zone 'utc')
);
create unique index calendar_connections_account_calendar_unique
  on public.calendar_connections (ws_id, provider, auth_token_id, calendar_id)
  where auth_token_id is not null;
create unique index calendar_connections_legacy_calendar_unique
  on public.calendar_connections (ws_id, provider, calendar_id)
  where auth_token_id is null;

create function public.set_updated_at_utc() returns trigger language plpgsql as $$
begin
  new.updated_at := now() at time zone 'utc';
  return new;
end
$$;
create trigger set_updated_at before update on public.calendar_connections
  for each row execute function public.set_updated_at_utc();

create table private.calendar_user_workspace_preferences (
  user_id uuid not null references public.users (id) on delete cascade,
  ws_id uuid not null references public.workspaces (id) on delete cascade,
  default_provider public.calendar_provider not null default 'tuturuuu',
  default_workspace_calendar_id uuid references private.workspace_calendars (id) on delete cascade,
  default_calendar_connection_id uuid
    references public.calendar_connections (id) on delete cascade,
  inbound_sync_enabled boolean not null default true,
  outbound_sync_enabled boolean not null default false,
  conflict_policy text not null default 'latest_write_wins'
    check (conflict_policy = 'latest_write_wins'),
  default_outbound_calendar_connection_id uuid
    references public.calendar_connections (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, ws_id),
  constraint calendar_user_workspace_preferences_default_check check (
    case default_provider
      when 'tuturuuu' then
        default_workspace_calendar_id is not null and default_calendar_connection_id is null
      else
        default_workspace_calendar_id is null and default_calendar_connection_id is not null
    end
  )
);
create trigger set_updated_at before update on private.calendar_user_workspace_preferences
  for each row execute function public.set_updated_at();
