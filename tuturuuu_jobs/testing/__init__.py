"""Real parts for tests and the demo: Postgres, the tables, an emulator of Google, faults."""
