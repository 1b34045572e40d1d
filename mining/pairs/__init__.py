"""Pairs of queries and documents, and ranked pairs, instead of classes."""
