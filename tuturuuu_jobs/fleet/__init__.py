"""Work beyond one machine: what was asked for, the engine that hands it out, and the worker."""
