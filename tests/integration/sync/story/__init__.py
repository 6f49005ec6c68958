"""A calendar account that anything may happen to, and what must hold through all of it."""
