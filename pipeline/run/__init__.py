"""A run directory: running, redoing, pruning, showing, verifying and repairing its stages."""
