"""Pictures: which files they are, and how they become arrays of one size and one number of channels."""
