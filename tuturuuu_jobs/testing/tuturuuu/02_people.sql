-- Users, workspaces, membership, and settings of both.

create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text unique,
  created_at timestamptz default now()
);

create table public.users (
  id uuid primary key references auth.users (id) on update cascade on delete cascade,
  display_name text,
  handle text unique,
  avatar_url text,
  bio text,
  deleted boolean default false,
  created_at timestamptz default now()
);

create table public.workspaces (
  id uuid primary key default gen_random_uuid(),
  name text,
  handle text unique,
  creator_id uuid not null default auth.uid() references public.users (id),
  personal boolean not null default false,
  deleted boolean default false,
  created_at timestamptz default now(),
  timezone text default 'auto',
  first_day_of_week text default 'auto'
    check (first_day_of_week in ('auto', 'sunday', 'monday', 'saturday')),
  energy_profile text,
  scheduling_settings jsonb default '{"min_buffer": 5, "preferred_buffer": 15}',
  avatar_url text,
  logo_url text
);
create unique index workspaces_creator_id_personal on public.workspaces (creator_id) where personal;

create table public.workspace_members (
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  user_id uuid not null default auth.uid() references public.users (id),
  type public.workspace_member_type not null default 'MEMBER',
  sort_key bigint,
  created_at timestamptz default now(),
  primary key (ws_id, user_id)
);

create table public.user_private_details (
  user_id uuid primary key references public.users (id) on update cascade on delete cascade,
  email text,
  full_name text,
  timezone text default 'auto',
  first_day_of_week text default 'auto'
    check (first_day_of_week in ('auto', 'sunday', 'monday', 'saturday')),
  time_format text default 'auto' check (time_format in ('auto', '12h', '24h')),
  default_workspace_id uuid references public.workspaces (id) on delete set null,
  task_auto_assign_to_self boolean not null default false,
  deleted boolean default false
);

create table public.workspace_settings (
  ws_id uuid primary key references public.workspaces (id) on update cascade on delete cascade,
  break_enabled boolean default false,
  break_duration_minutes integer default 15
    check (break_duration_minutes >= 5 and break_duration_minutes % 5 = 0),
  break_interval_minutes integer default 90
    check (break_interval_minutes >= 15 and break_interval_minutes % 5 = 0),
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.workspace_encryption_keys (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null unique references public.workspaces (id) on delete cascade,
  encrypted_key text not null,
  key_version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger set_updated_at before update on public.workspace_encryption_keys
  for each row execute function public.set_updated_at();

create table public.workspace_calendar_hour_settings (
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  type public.calendar_hour_type not null,
  created_at timestamptz not null default now(),
  data jsonb not null,
  primary key (ws_id, type)
);

create table private.workspace_calendars (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on delete cascade,
  name text not null,
  description text,
  color text references public.calendar_event_colors (value),
  calendar_type public.workspace_calendar_type not null default 'custom',
  is_system boolean not null default false,
  is_enabled boolean not null default true,
  position integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index workspace_calendars_system_unique
  on private.workspace_calendars (ws_id, calendar_type)
  where calendar_type in ('primary', 'tasks', 'habits');

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id) values (new.id);
  insert into public.user_private_details (user_id, email) values (new.id, new.email);
  insert into public.workspaces (name, creator_id, personal) values ('PERSONAL', new.id, true);
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute function public.handle_new_user();

create function public.add_ws_creator() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.workspace_members (ws_id, user_id) values (new.id, new.creator_id);
  return new;
end
$$;
create trigger add_ws_creator after insert on public.workspaces
  for each row execute function public.add_ws_creator();

create function public.create_system_calendars() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.workspace_calendars (ws_id, name, color, calendar_type, is_system, position)
  values
    (new.id, 'Primary', 'BLUE', 'primary', true, 0),
    (new.id, 'Tasks', 'PURPLE', 'tasks', true, 1),
    (new.id, 'Habits', 'GREEN', 'habits', true, 2);
  return new;
end
$$;
create trigger create_system_calendars after insert on public.workspaces
  for each row execute function public.create_system_calendars();

create function public.prevent_personal_workspace_deletion() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.personal and exists (select from auth.users where id = old.creator_id) then
    raise exception 'Cannot delete a personal workspace while its creator exists'
      using errcode = 'check_violation';
  end if;
  return old;
end
$$;
create trigger prevent_personal_workspace_deletion before delete on public.workspaces
  for each row execute function public.prevent_personal_workspace_deletion();

create trigger audit_i_u_d after insert or update or delete on public.workspaces
  for each row execute function audit.insert_update_delete_trigger('id');
create trigger audit_i_u_d after insert or update or delete on public.workspace_members
  for each row execute function audit.insert_update_delete_trigger('ws_id', 'user_id');
create trigger audit_i_u_d after insert or update or delete on public.user_private_details
  for each row execute function audit.insert_update_delete_trigger('user_id');
