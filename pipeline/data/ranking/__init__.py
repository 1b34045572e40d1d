"""Ranked pairs of items, which take the place of classes."""
