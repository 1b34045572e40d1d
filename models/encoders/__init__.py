"""Networks that turn items into embeddings."""
