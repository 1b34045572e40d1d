"""What works without a run, on somebody's own vectors, or on the files that a run left."""
