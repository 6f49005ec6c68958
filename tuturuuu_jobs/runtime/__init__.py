"""Makes any job trustworthy: locks, ledger, attempts, deadline, result. Knows no calendar."""
