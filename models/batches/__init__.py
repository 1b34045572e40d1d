"""Composition of batches: which images are trained on together."""
