"""Data sets that papers compare on, from their official folders and split files."""
