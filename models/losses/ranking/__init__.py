"""Losses of scores that a linear head gives to embeddings."""
