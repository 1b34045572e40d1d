"""Audit of mined triplets, by checking them against embeddings and labels."""
