"""The quickstart: a whole installation in miniature that checks what it shows.

A throw-away Postgres with Tuturuuu's tables and a Google Calendar emulator, filled with people and
events; the real command, run as a process as a person would; and a comparison of every row with
what Google holds, by an oracle that shares nothing with the sync.
"""
