"""Known mistakes, put into a copy of the planner one by one; the tests must find each."""
