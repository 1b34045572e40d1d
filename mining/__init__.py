"""Algorithms on arrays: neighbour search, triplet mining, hardness, audit. No files."""
