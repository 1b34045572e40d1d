"""Pictures: find image files and decode them to arrays of the same size and number of channels."""
