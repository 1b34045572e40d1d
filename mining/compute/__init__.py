"""Threads, memory, distances: what every algorithm here counts with."""
