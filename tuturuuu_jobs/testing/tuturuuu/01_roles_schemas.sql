-- Schemas, the roles of a Supabase project, and what triggers of many tables share.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin'),
      ('authenticated', 'nologin'),
      ('service_role', 'nologin bypassrls'),
      -- Not of Supabase: a job that was given a role which row security applies to.
      ('jobs_without_bypass', 'login nobypassrls')
    ) as roles (name, options)
  loop
    -- Roles belong to the cluster: another database, or another session just now, may have made it.
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      begin
        execute format('create role %I %s', wanted.name, wanted.options);
      exception when duplicate_object or unique_violation then
        null;
      end;
    end if;
  end loop;
end
$$;

create schema private;
create schema audit;
create schema auth;
create schema extensions;

create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create function public.set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- One row per change of an audited row, as supa_audit keeps it.
create type audit.operation as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');

create table audit.record_version (
  id bigint generated always as identity primary key,
  record_id uuid,
  old_record_id uuid,
  op audit.operation not null,
  ts timestamptz not null default now(),
  table_oid oid not null,
  table_schema name not null,
  table_name name not null,
  record jsonb,
  old_record jsonb,
  auth_uid uuid default auth.uid(),
  auth_role text default current_setting('request.jwt.claim.role', true)
);
create index record_version_record_id on audit.record_version (record_id) where record_id is not null;
create index record_version_ts on audit.record_version (ts);

-- Arguments: the columns of the primary key.
create function audit.insert_update_delete_trigger() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  after_key text := tg_relid::text;
  before_key text := tg_relid::text;
begin
  for part in 0 .. tg_nargs - 1 loop
    after_key := after_key || ':' || (after ->> tg_argv[part]);
    before_key := before_key || ':' || (before ->> tg_argv[part]);
  end loop;
  insert into audit.record_version
    (record_id, old_record_id, op, table_oid, table_schema, table_name, record, old_record)
  values
    (md5(after_key)::uuid, md5(before_key)::uuid, tg_op::audit.operation, tg_relid,
     tg_table_schema, tg_table_name, after, before);
  return coalesce(new, old);
end
$$;

create type public.calendar_provider as enum ('tuturuuu', 'google', 'microsoft');
create type public.calendar_scheduling_source as enum ('manual', 'task', 'habit');
create type public.workspace_calendar_type as enum ('primary', 'tasks', 'habits', 'custom');
create type public.calendar_hour_type as enum ('WORK', 'PERSONAL', 'MEETING');
create type public.calendar_hours as enum ('work_hours', 'personal_hours', 'meeting_hours');
create type public.task_priority as enum ('low', 'normal', 'high', 'critical');
create type public.task_board_status as enum
  ('not_started', 'active', 'review', 'done', 'closed', 'documents');
create type public.habit_frequency as enum ('daily', 'weekly', 'monthly', 'yearly', 'custom');
create type public.monthly_recurrence_type as enum ('day_of_month', 'day_of_week');
create type public.time_of_day_preference as enum ('morning', 'afternoon', 'evening', 'night');
create type public.workspace_member_type as enum ('MEMBER', 'GUEST');

create table public.calendar_event_colors (value text primary key);
insert into public.calendar_event_colors (value) values
  ('BLUE'), ('CYAN'), ('GRAY'), ('GREEN'), ('INDIGO'),
  ('ORANGE'), ('PINK'), ('PURPLE'), ('RED'), ('YELLOW');
