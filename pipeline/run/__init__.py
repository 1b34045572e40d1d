"""A run directory from begin to end: stages run, redone, pruned, shown, verified, repaired."""
