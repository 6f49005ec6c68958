"""``python -m tuturuuu_jobs`` is the same as the installed command."""

from tuturuuu_jobs.cli import main

if __name__ == "__main__":
    main()
