"""Runs side by side: their figures, whether these may be compared, and what mining found in each."""
