-- What the tables lacked in the days of the Trigger.dev tasks, June 2026.

drop function public.upsert_calendar_events_and_count(jsonb);

alter table public.workspace_calendar_events
  drop column external_updated_at,
  drop column last_synced_at,
  drop column sync_status,
  drop column sync_error;
alter table public.calendar_connections
  drop column sync_inbound_enabled,
  drop column sync_outbound_enabled,
  drop column sync_delete_enabled;
alter table private.calendar_user_workspace_preferences
  drop column inbound_sync_enabled,
  drop column outbound_sync_enabled,
  drop column conflict_policy,
  drop column default_outbound_calendar_connection_id;

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
      coalesce((event ->> 'is_encrypted')::boolean, false) as is_encrypted
    from jsonb_array_elements(events) as event
  ),
  written as (
    insert into public.workspace_calendar_events as stored (
      ws_id, provider, external_calendar_id, external_event_id, google_event_id,
      google_calendar_id, source_calendar_id, task_id, title, description, location,
      start_at, end_at, color, locked, is_encrypted
    )
    select
      ws_id::uuid, provider, external_calendar_id, external_event_id, google_event_id,
      google_calendar_id, source_calendar_id, task_id, title, description, location,
      start_at, end_at, color, locked, is_encrypted
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
      is_encrypted = stored.is_encrypted or excluded.is_encrypted
    returning (xmax = 0) as inserted
  )
  select jsonb_build_object(
    'inserted', count(*) filter (where inserted), 'updated', count(*) filter (where not inserted)
  )
  from written
$$;
