"""Commands on run files and run directories."""
