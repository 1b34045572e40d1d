"""Limits on the memory and the network that a data set may use."""
