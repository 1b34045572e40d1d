"""Build the objects that sections of the run file describe."""
