"""The only builder of real things from settings.

It stays cheap to import: what is heavy is imported by the function that builds it.
"""

from tuturuuu_jobs.wiring import children, jobs, process

__all__ = ["children", "jobs", "process"]
