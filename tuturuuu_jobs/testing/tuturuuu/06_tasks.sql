-- Boards, lists, tasks, and how tasks become events. The triggers that notify people and those that
-- limit a board's capacity are left out: no job writes tasks.

create table public.workspace_boards (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  name text,
  creator_id uuid default auth.uid() references public.users (id) on delete set null,
  template_id uuid,
  deleted_at timestamptz,
  archived_at timestamptz,
  created_at timestamptz default now()
);

create table public.task_lists (
  id uuid primary key default gen_random_uuid(),
  board_id uuid not null references public.workspace_boards (id) on delete cascade,
  name text,
  status public.task_board_status default 'not_started',
  color text default 'GRAY',
  position integer default 0,
  archived boolean default false,
  deleted boolean default false,
  creator_id uuid default auth.uid() references public.users (id) on delete set null,
  created_at timestamptz default now()
);
create unique index task_lists_board_id_name_unique
  on public.task_lists (board_id, lower(trim(name))) where not deleted;

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  list_id uuid references public.task_lists (id) on delete cascade,
  board_id uuid references public.workspace_boards (id) on delete cascade,
  description text,
  priority public.task_priority default 'normal',
  start_date timestamptz,
  end_date timestamptz,
  completed boolean default false,
  completed_at timestamptz,
  closed_at timestamptz,
  deleted_at timestamptz,
  creator_id uuid default auth.uid() references public.users (id) on delete set null,
  estimation_points smallint check (estimation_points between 0 and 8),
  sort_key bigint,
  display_number integer,
  created_at timestamptz default now()
);
create unique index tasks_board_id_display_number_unique
  on public.tasks (board_id, display_number) where deleted_at is null;

create table public.task_assignees (
  task_id uuid not null references public.tasks (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz default now(),
  primary key (task_id, user_id)
);

create table public.task_user_overrides (
  task_id uuid not null references public.tasks (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  self_managed boolean not null default false,
  completed_at timestamptz,
  priority_override public.task_priority,
  due_date_override timestamptz,
  estimation_override smallint,
  personally_unassigned boolean not null default false,
  personal_board_id uuid references public.workspace_boards (id) on delete set null,
  personal_list_id uuid references public.task_lists (id) on delete set null,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (task_id, user_id)
);
create trigger set_updated_at before update on public.task_user_overrides
  for each row execute function public.set_updated_at();

create table public.task_user_scheduling_settings (
  task_id uuid not null references public.tasks (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  total_duration real,
  is_splittable boolean not null default false,
  min_split_duration_minutes real,
  max_split_duration_minutes real,
  calendar_hours public.calendar_hours,
  auto_schedule boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (task_id, user_id)
);
create trigger set_updated_at before update on public.task_user_scheduling_settings
  for each row execute function public.set_updated_at();

create table public.task_calendar_events (
  id uuid primary key default gen_random_uuid(),
  task_id uuid not null references public.tasks (id) on delete cascade,
  event_id uuid not null references public.workspace_calendar_events (id) on delete cascade,
  scheduled_minutes integer not null default 0,
  completed boolean not null default false,
  scheduling_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (task_id, event_id)
);
create index on public.task_calendar_events (event_id);
create trigger set_updated_at before update on public.task_calendar_events
  for each row execute function public.set_updated_at();

create function public.create_default_task_lists() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.task_lists (board_id, name, status, color, position, creator_id) values
    (new.id, 'To Do', 'not_started', 'GRAY', 0, new.creator_id),
    (new.id, 'In Progress', 'active', 'BLUE', 1, new.creator_id),
    (new.id, 'Review', 'review', 'PURPLE', 2, new.creator_id),
    (new.id, 'Done', 'done', 'GREEN', 3, new.creator_id),
    (new.id, 'Closed', 'closed', 'RED', 4, new.creator_id);
  return new;
end
$$;
create trigger create_default_task_lists after insert on public.workspace_boards
  for each row execute function public.create_default_task_lists();

-- The board of a task, its number there, and the times its list's status implies.
create function public.prepare_task() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  list record;
begin
  select board_id, status into list from public.task_lists where id = new.list_id;
  if not found then
    return new;
  end if;
  new.board_id := list.board_id;
  perform pg_advisory_xact_lock(hashtextextended(list.board_id::text, 0));
  if new.display_number is null then
    select coalesce(max(display_number), 0) + 1 into new.display_number
    from public.tasks where board_id = list.board_id;
  end if;
  new.completed := list.status = 'done';
  new.completed_at := case when list.status = 'done' then coalesce(new.completed_at, now()) end;
  new.closed_at := case when list.status = 'closed' then coalesce(new.closed_at, now()) end;
  return new;
end
$$;
create trigger prepare_task before insert or update on public.tasks
  for each row execute function public.prepare_task();

create trigger audit_i_u_d after insert or update or delete on public.workspace_boards
  for each row execute function audit.insert_update_delete_trigger('id');
create trigger audit_i_u_d after insert or update or delete on public.task_lists
  for each row execute function audit.insert_update_delete_trigger('id');
