"""Choice of k, the hardness of the exclusion boundary: schedule, candidates, controller."""
