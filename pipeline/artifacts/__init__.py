"""The files of a run: their names and columns, and how to read and write them."""
