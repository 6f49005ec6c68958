"""Background jobs of Tuturuuu, run from cron and systemd timers."""
