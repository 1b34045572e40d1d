"""The files that a run leaves: their names, columns, and how they are read."""
