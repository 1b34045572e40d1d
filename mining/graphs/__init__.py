"""Neighbour search: exact, by cells, and by graphs."""
