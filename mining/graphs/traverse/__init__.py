"""Traverse-add graphs: built, grown, searched."""
