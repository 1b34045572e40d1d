"""Scores of a teacher, from a function or a file, for the pairs that were mined."""
