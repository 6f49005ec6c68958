"""Tuturuuu's own tables, as far as the jobs touch them, re-created for tests and the demo.

Constraints, triggers, functions and row security behave as the platform's do, their faults
included: the same statement fails here with the same SQLSTATE.
"""

from tuturuuu_jobs.testing.tuturuuu.schema import Shape, install

__all__ = ["Shape", "install"]
