"""Whether data set and review are still those that a run began with."""
