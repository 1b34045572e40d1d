"""Metrics of embeddings, always by exact search."""
