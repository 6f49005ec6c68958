-- Who may see what: grants, row level security and policies.

grant usage on schema public, auth to anon, authenticated, service_role, jobs_without_bypass;
grant usage on schema private to service_role, jobs_without_bypass;
grant usage on schema audit to service_role;
grant all on all tables in schema public to anon, authenticated, service_role, jobs_without_bypass;
grant all on all tables in schema private to service_role, jobs_without_bypass;
grant select on all tables in schema audit to service_role;
grant all on all tables in schema auth to service_role;

revoke all on
  public.workspace_calendar_events, public.workspace_habits, public.calendar_sync_dashboard,
  public.tasks
from anon, authenticated;

revoke execute on function public.get_default_calendar_for_event from public;
revoke execute on function private.upsert_scheduling_metadata from public;
grant execute on function
  public.get_default_calendar_for_event, private.upsert_scheduling_metadata
to service_role;

create function public.is_org_member(_user_id uuid, _org_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.workspace_members where user_id = _user_id and ws_id = _org_id
  )
$$;

do $$
declare
  item record;
begin
  for item in
    select oid::regclass as relation from pg_catalog.pg_class
    where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace)
  loop
    execute format('alter table %s enable row level security', item.relation);
  end loop;

  for item in
    select unnest(array[
      'public.workspace_encryption_keys',
      'private.workspace_calendars',
      'private.workspace_scheduling_metadata',
      'private.workspace_calendar_sync_log',
      'private.calendar_user_workspace_preferences'
    ]) as relation
  loop
    execute format(
      'create policy service_role_only on %s to service_role using (true)', item.relation
    );
  end loop;

  for item in
    select unnest(array[
      'calendar_auth_tokens', 'task_user_scheduling_settings', 'task_user_overrides',
      'user_private_details'
    ]) as relation
  loop
    execute format(
      'create policy own_rows on public.%I to authenticated using (user_id = auth.uid())',
      item.relation
    );
  end loop;

  for item in
    select unnest(array[
      'calendar_connections', 'workspace_calendar_hour_settings', 'habit_skipped_occurrences',
      'workspace_calendar_sync_coordination', 'workspace_members', 'workspace_settings'
    ]) as relation
  loop
    execute format(
      'create policy workspace_members_only on public.%I to authenticated '
      'using (public.is_org_member(auth.uid(), ws_id))',
      item.relation
    );
  end loop;

  for item in
    select unnest(array['habit_calendar_events', 'habit_completions']) as relation
  loop
    execute format(
      'create policy workspace_members_only on public.%I to authenticated using (exists ('
      'select from public.workspace_habits h '
      'where h.id = habit_id and public.is_org_member(auth.uid(), h.ws_id)))',
      item.relation
    );
  end loop;
end
$$;

create policy deny_all on public.calendar_sync_states using (false);
create policy workspace_members_only on public.workspaces to authenticated
  using (public.is_org_member(auth.uid(), id));
create policy workspace_members_only on public.task_calendar_events to authenticated
  using (exists (
    select from public.workspace_calendar_events e
    where e.id = event_id and public.is_org_member(auth.uid(), e.ws_id)
  ));
create policy everyone_reads on public.calendar_event_colors for select using (true);
