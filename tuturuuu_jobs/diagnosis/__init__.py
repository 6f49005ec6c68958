"""Whether an installation is sound, and why work waits: findings for ``doctor``."""
