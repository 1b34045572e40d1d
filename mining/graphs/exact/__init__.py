"""Exact search: products propose, differences decide."""
