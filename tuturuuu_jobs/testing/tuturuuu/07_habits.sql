-- Habits, their events, completions and skipped days.

create table public.workspace_habits (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on update cascade on delete cascade,
  creator_id uuid references public.users (id) on delete set null,
  name text not null,
  description text,
  color text default 'BLUE',
  calendar_hours public.calendar_hours default 'personal_hours',
  priority public.task_priority default 'normal',
  duration_minutes integer not null default 30,
  min_duration_minutes integer,
  max_duration_minutes integer,
  ideal_time time,
  time_preference public.time_of_day_preference,
  frequency public.habit_frequency not null default 'daily',
  recurrence_interval integer default 1,
  days_of_week integer[],
  monthly_type public.monthly_recurrence_type,
  day_of_month integer check (day_of_month between 1 and 31),
  week_of_month integer check (week_of_month between 1 and 5),
  day_of_week_monthly integer check (day_of_week_monthly between 0 and 6),
  start_date date not null default current_date,
  end_date date,
  is_active boolean default true,
  auto_schedule boolean default true,
  is_visible_in_calendar boolean default true,
  deleted_at timestamptz,
  is_splittable boolean not null default false,
  min_instances_per_day integer check (min_instances_per_day >= 1),
  ideal_instances_per_day integer check (ideal_instances_per_day >= 1),
  max_instances_per_day integer check (max_instances_per_day >= 1),
  dependency_habit_id uuid references public.workspace_habits (id) on delete set null,
  dependency_type text check (dependency_type in ('after', 'before')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workspace_habits_instances_check check (
    min_instances_per_day <= ideal_instances_per_day
    and ideal_instances_per_day <= max_instances_per_day
    and min_instances_per_day <= max_instances_per_day
  ),
  constraint workspace_habits_dependency_not_self_check check (dependency_habit_id <> id),
  constraint workspace_habits_dependency_pair_check check (
    (dependency_habit_id is null) = (dependency_type is null)
  )
);
create index on public.workspace_habits (ws_id);
create trigger set_updated_at before update on public.workspace_habits
  for each row execute function public.set_updated_at();

create table public.habit_calendar_events (
  id uuid primary key default gen_random_uuid(),
  habit_id uuid not null references public.workspace_habits (id) on delete cascade,
  event_id uuid not null references public.workspace_calendar_events (id) on delete cascade,
  occurrence_date date not null,
  completed boolean not null default false,
  scheduling_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (habit_id, event_id)
);
create index on public.habit_calendar_events (event_id);
create trigger set_updated_at before update on public.habit_calendar_events
  for each row execute function public.set_updated_at();

create table public.habit_completions (
  id uuid primary key default gen_random_uuid(),
  habit_id uuid not null references public.workspace_habits (id) on delete cascade,
  occurrence_date date not null,
  completed_at timestamptz not null default now(),
  event_id uuid references public.workspace_calendar_events (id) on delete set null,
  unique (habit_id, occurrence_date)
);

create table public.habit_skipped_occurrences (
  id uuid primary key default gen_random_uuid(),
  ws_id uuid not null references public.workspaces (id) on delete cascade,
  habit_id uuid not null references public.workspace_habits (id) on delete cascade,
  occurrence_date date not null,
  created_by uuid references auth.users (id) on delete set null,
  source_event_id uuid references public.workspace_calendar_events (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revoked_at timestamptz,
  unique (ws_id, habit_id, occurrence_date)
);
create trigger set_updated_at before update on public.habit_skipped_occurrences
  for each row execute function public.set_updated_at();
