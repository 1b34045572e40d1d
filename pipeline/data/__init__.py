"""Data sets: their rows, reading items in batches, and assigning rows to the splits of a run."""
