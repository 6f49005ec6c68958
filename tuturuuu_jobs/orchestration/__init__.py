"""One job for many workspaces: one bounded child process each."""
