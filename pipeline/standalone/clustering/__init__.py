"""Cluster the user's own vectors, or the embeddings of a run."""
