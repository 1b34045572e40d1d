"""The layout of tables, and reading text tables."""
