"""One workspace's Google calendars into the table."""
