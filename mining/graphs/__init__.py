"""Nearest-neighbour search: exact, by cells (k-means) and by graphs."""
