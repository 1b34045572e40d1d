"""Render the content of a page as HTML."""
