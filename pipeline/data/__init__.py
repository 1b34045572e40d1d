"""Data sets: what is in them, how a batch of items is read, and how their rows become the rows of a run."""
