"""The same faults over ours and over three usual ways of syncing: what is lost, doubled, leaked."""
