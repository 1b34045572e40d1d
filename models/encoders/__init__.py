"""Encoders: networks from items to embeddings."""
