"""A teacher's second look at what was mined."""
