"""Traverse-add graphs (FANNG): build and search."""
