"""What a person decided about suspects: read from a CSV, kept with what was made of it, applied to rows."""
