"""Functions that work without a run, on the user's own vectors or on the files of a run."""
