"""The worker fleet beside plain procrastinate, each on tables of its own in one server."""
