"""Ranking losses on scores, which a linear head computes from embeddings."""
