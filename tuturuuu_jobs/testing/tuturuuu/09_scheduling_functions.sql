-- Functions that scheduling calls.

create function private.upsert_scheduling_metadata(
  p_ws_id uuid,
  p_status text,
  p_message text,
  p_habits_scheduled integer,
  p_tasks_scheduled integer,
  p_events_created integer,
  p_bumped_habits integer,
  p_window_days integer default 30
)
returns void language sql as $$
  insert into private.workspace_scheduling_metadata (
    ws_id, last_scheduled_at, last_status, last_message, habits_scheduled, tasks_scheduled,
    events_created, bumped_habits, window_days
  )
  values (
    p_ws_id, now(), p_status, p_message, p_habits_scheduled, p_tasks_scheduled,
    p_events_created, p_bumped_habits, p_window_days
  )
  on conflict (ws_id) do update set
    last_scheduled_at = excluded.last_scheduled_at,
    last_status = excluded.last_status,
    last_message = excluded.last_message,
    habits_scheduled = excluded.habits_scheduled,
    tasks_scheduled = excluded.tasks_scheduled,
    events_created = excluded.events_created,
    bumped_habits = excluded.bumped_habits,
    window_days = excluded.window_days
$$;

-- Labels and projects of tasks play no part in scheduling: their columns are always empty here,
-- and a filter by them finds nothing.
create function public.get_user_tasks_with_relations(
  p_user_id uuid,
  p_ws_id uuid default null,
  p_include_deleted boolean default false,
  p_list_statuses public.task_board_status[] default '{not_started,active}',
  p_exclude_personally_completed boolean default false,
  p_exclude_personally_unassigned boolean default false,
  p_filter_ws_ids uuid[] default null,
  p_filter_board_ids uuid[] default null,
  p_filter_label_ids uuid[] default null,
  p_filter_project_ids uuid[] default null,
  p_filter_self_managed_only boolean default false
)
returns table (
  task_id uuid,
  task_name text,
  task_description text,
  task_creator_id uuid,
  task_list_id uuid,
  task_board_id uuid,
  task_start_date timestamptz,
  task_end_date timestamptz,
  task_priority public.task_priority,
  task_completed boolean,
  task_completed_at timestamptz,
  task_closed_at timestamptz,
  task_deleted_at timestamptz,
  task_estimation_points smallint,
  task_created_at timestamptz,
  task_sort_key bigint,
  task_display_number integer,
  sched_total_duration real,
  sched_is_splittable boolean,
  sched_min_split_duration_minutes real,
  sched_max_split_duration_minutes real,
  sched_calendar_hours text,
  sched_auto_schedule boolean,
  override_self_managed boolean,
  override_completed_at timestamptz,
  override_priority_override public.task_priority,
  override_due_date_override timestamptz,
  override_estimation_override smallint,
  override_personally_unassigned boolean,
  override_notes text,
  list_data jsonb,
  assignees_data jsonb,
  labels_data jsonb,
  projects_data jsonb
)
language sql stable security definer set search_path = '' as $$
  with workspace as (
    select id, personal from public.workspaces
    where case
      when p_ws_id is null then creator_id = p_user_id and personal
      else id = p_ws_id
    end
  )
  select
    t.id, t.name, t.description, t.creator_id, t.list_id, b.id, t.start_date, t.end_date,
    t.priority, t.completed, t.completed_at, t.closed_at, t.deleted_at, t.estimation_points,
    t.created_at, t.sort_key, t.display_number,
    s.total_duration, s.is_splittable, s.min_split_duration_minutes, s.max_split_duration_minutes,
    s.calendar_hours::text, s.auto_schedule,
    o.self_managed, o.completed_at, o.priority_override, o.due_date_override,
    o.estimation_override, o.personally_unassigned, o.notes,
    jsonb_build_object(
      'id', l.id, 'name', l.name, 'status', l.status, 'color', l.color, 'board_id', b.id,
      'board', jsonb_build_object('id', b.id, 'name', b.name, 'ws_id', b.ws_id)
    ),
    coalesce(
      (
        select jsonb_agg(jsonb_build_object('user_id', a.user_id, 'display_name', u.display_name))
        from public.task_assignees a join public.users u on u.id = a.user_id
        where a.task_id = t.id
      ),
      '[]'
    ),
    '[]'::jsonb,
    '[]'::jsonb
  from public.tasks t
  join public.task_lists l on l.id = t.list_id
  join public.workspace_boards b on b.id = l.board_id
  cross join workspace w
  left join public.task_user_scheduling_settings s on s.task_id = t.id and s.user_id = p_user_id
  left join public.task_user_overrides o on o.task_id = t.id and o.user_id = p_user_id
  cross join lateral (
    select exists (
      select from public.task_assignees a where a.task_id = t.id and a.user_id = p_user_id
    ) as assigned
  ) own
  where l.status = any (p_list_statuses)
    and (p_include_deleted or t.deleted_at is null)
    and b.deleted_at is null
    and b.archived_at is null
    and case
      when w.personal then
        own.assigned
        or b.ws_id = w.id
        or (
          o.personal_board_id is not null
          and exists (
            select from public.workspace_members m
            where m.ws_id = b.ws_id and m.user_id = p_user_id
          )
        )
      else own.assigned and b.ws_id = w.id
    end
    and not (p_exclude_personally_completed and o.completed_at is not null)
    and not (p_exclude_personally_unassigned and coalesce(o.personally_unassigned, false))
    and (p_filter_ws_ids is null or b.ws_id = any (p_filter_ws_ids))
    and (p_filter_board_ids is null or b.id = any (p_filter_board_ids))
    and p_filter_label_ids is null
    and p_filter_project_ids is null
    and (not p_filter_self_managed_only or coalesce(o.self_managed, false))
$$;
