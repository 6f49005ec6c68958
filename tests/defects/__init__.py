"""Known mistakes, put into a copy of the program one by one; the tests must find each."""
