"""Clusters of somebody's own vectors, or of the embeddings of a run."""
