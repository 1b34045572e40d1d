"""Mined triplets derived again, from embeddings and labels."""
