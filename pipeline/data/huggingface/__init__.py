"""Data sets that the `datasets` library opens."""
