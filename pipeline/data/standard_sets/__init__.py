"""Benchmark data sets of papers, read from their official folders and split files."""
