"""Comparison of runs: their metrics, whether these are comparable, and what mining found in each run."""
