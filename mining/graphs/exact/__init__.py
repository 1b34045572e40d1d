"""Exact search: matrix products propose candidates, differences decide."""
