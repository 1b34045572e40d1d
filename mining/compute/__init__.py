"""Threads, memory budgets and distances, shared by all algorithms of mining."""
