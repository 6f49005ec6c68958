-- Functions that sync calls, with the faults they really have.

create function public.atomic_sync_token_operation(
  p_ws_id uuid,
  p_calendar_id text default 'primary',
  p_operation text default 'get',
  p_sync_token text default null
)
returns table (sync_token text, last_synced_at timestamptz, success boolean, message text)
language plpgsql security definer as $$
declare
  found_token text;
  found_at timestamptz;
begin
  case p_operation
    when 'get' then
      -- Ambiguous with the output columns of the same names: always fails, as the original does.
      select sync_token, last_synced_at into found_token, found_at
      from public.calendar_sync_states
      where ws_id = p_ws_id and calendar_id = p_calendar_id
      for update nowait;
      return query select coalesce(found_token, ''), found_at, true, 'Sync token retrieved';
    when 'update' then
      insert into public.calendar_sync_states as states
        (ws_id, calendar_id, sync_token, last_synced_at)
      values (p_ws_id, p_calendar_id, p_sync_token, now())
      on conflict on constraint calendar_sync_states_pkey do update
        set sync_token = excluded.sync_token, last_synced_at = excluded.last_synced_at;
      return query select p_sync_token, now(), true, 'Sync token updated';
    when 'clear' then
      delete from public.calendar_sync_states
      where ws_id = p_ws_id and calendar_id = p_calendar_id;
      return query select '', now(), true, 'Sync token cleared';
    else
      return query select '', now(), false, 'Invalid operation specified';
  end case;
exception
  when lock_not_available then
    return query select '', now(), false, 'Row is locked by another process, try again later';
  when others then
    return query select '', now(), false, 'Error: ' || sqlerrm;
end
$$;

create function public.upsert_calendar_events_and_count(events jsonb) returns jsonb
language sql as $$
  with elements as (
    select
      event ->> 'ws_id' as ws_id,
      coalesce(nullif(event ->> 'provider', ''), 'google')::public.calendar_provider as provider,
      coalesce(
        nullif(event ->> 'external_calendar_id', ''),
        nullif(event ->> 'google_calendar_id', ''),
        'primary'
      ) as external_calendar_id,
      coalesce(
        nullif(event ->> 'external_event_id', ''), nullif(event ->> 'google_event_id', '')
      ) as external_event_id,
      nullif(event ->> 'google_event_id', '') as google_event_id,
      nullif(event ->> 'google_calendar_id', '') as google_calendar_id,
      nullif(event ->> 'source_calendar_id', '')::uuid as source_calendar_id,
      nullif(event ->> 'task_id', '')::uuid as task_id,
      coalesce(event ->> 'title', '') as title,
      coalesce(event ->> 'description', '') as description,
      event ->> 'location' as location,
      nullif(event ->> 'start_at', '')::timestamptz as start_at,
      nullif(event ->> 'end_at', '')::timestamptz as end_at,
      event ->> 'color' as color,
      coalesce((event ->> 'locked')::boolean, false) as locked,
      coalesce((event ->> 'is_encrypted')::boolean, false) as is_encrypted,
      nullif(event ->> 'external_updated_at', '')::timestamptz as external_updated_at,
      coalesce(nullif(event ->> 'last_synced_at', '')::timestamptz, now()) as last_synced_at,
      case
        when event ->> 'sync_status'
          in ('idle', 'syncing', 'synced', 'failed', 'conflict', 'local_only')
        then event ->> 'sync_status'
        else 'synced'
      end as sync_status,
      event ->> 'sync_error' as sync_error
    from jsonb_array_elements(events) as event
  ),
  written as (
    insert into public.workspace_calendar_events as stored (
      ws_id, provider, external_calendar_id, external_event_id, google_event_id,
      google_calendar_id, source_calendar_id, task_id, title, description, location,
      start_at, end_at, color, locked, is_encrypted, external_updated_at, last_synced_at,
      sync_status, sync_error
    )
    select
      ws_id::uuid, provider, external_calendar_id, external_event_id, google_event_id,
      google_calendar_id, source_calendar_id, task_id, title, description, location,
      start_at, end_at, color, locked, is_encrypted, external_updated_at, last_synced_at,
      sync_status, sync_error
    from elements
    where ws_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
      and external_event_id is not null
      and start_at < end_at
    on conflict (ws_id, provider, external_calendar_id, external_event_id) do update set
      google_event_id = excluded.google_event_id,
      google_calendar_id = excluded.google_calendar_id,
      source_calendar_id = coalesce(excluded.source_calendar_id, stored.source_calendar_id),
      task_id = excluded.task_id,
      title = case when stored.is_encrypted and not excluded.is_encrypted
        then stored.title else excluded.title end,
      description = case when stored.is_encrypted and not excluded.is_encrypted
        then stored.description else excluded.description end,
      location = case when stored.is_encrypted and not excluded.is_encrypted
        then stored.location else excluded.location end,
      start_at = excluded.start_at,
      end_at = excluded.end_at,
      color = excluded.color,
      locked = excluded.locked,
      is_encrypted = stored.is_encrypted or excluded.is_encrypted,
      external_updated_at = excluded.external_updated_at,
      last_synced_at = excluded.last_synced_at,
      sync_status = excluded.sync_status,
      sync_error = excluded.sync_error
    returning (xmax = 0) as inserted
  )
  select jsonb_build_object(
    'inserted', count(*) filter (where inserted), 'updated', count(*) filter (where not inserted)
  )
  from written
$$;

create function public.get_default_calendar_for_event(
  p_ws_id uuid, p_scheduling_source public.calendar_scheduling_source default 'manual'
)
returns uuid language sql stable security definer set search_path = '' as $$
  select id from private.workspace_calendars
  where ws_id = p_ws_id
    and calendar_type in ('primary', case p_scheduling_source
      when 'task' then 'tasks' when 'habit' then 'habits' else 'primary'
    end::public.workspace_calendar_type)
  order by calendar_type = 'primary'
  limit 1
$$;

create function public.get_or_create_external_calendar(
  p_ws_id uuid, p_calendar_id text, p_calendar_name text, p_color text default null
)
returns uuid language plpgsql security definer set search_path = '' as $$
declare
  calendar uuid;
begin
  if auth.uid() is null then
    raise exception 'Not authenticated';
  end if;
  select workspace_calendar_id into calendar from public.calendar_connections
  where ws_id = p_ws_id and calendar_id = p_calendar_id and workspace_calendar_id is not null;
  if calendar is null then
    insert into private.workspace_calendars (ws_id, name, color)
    values (p_ws_id, p_calendar_name, p_color)
    returning id into calendar;
  end if;
  return calendar;
end
$$;
