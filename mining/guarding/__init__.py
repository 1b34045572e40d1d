"""Pairs that are kept apart: groups, and pairs that are never negatives."""
