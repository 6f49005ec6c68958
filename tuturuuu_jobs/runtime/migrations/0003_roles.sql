-- What an account may see of a calendar, as its last listing told: it decides through which of
-- several accounts a calendar is listed.

alter table jobs.calendar_windows add column access_role text;
