"""Algorithms on arrays: graphs, the miner, hardness, audit. Knows no files."""
