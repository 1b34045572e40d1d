"""Queries and the documents of a corpus, instead of one set with classes."""
