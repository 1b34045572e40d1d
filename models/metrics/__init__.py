"""How good embeddings are, always by exact search."""
