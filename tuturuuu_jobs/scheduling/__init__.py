"""``schedule``: one workspace's habits and tasks into its free calendar time."""
