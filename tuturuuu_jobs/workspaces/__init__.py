"""What every job reads of a workspace: its zone, its encryption key."""
