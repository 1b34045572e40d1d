"""Pairs of items whose order is known, in place of classes to tell apart."""
