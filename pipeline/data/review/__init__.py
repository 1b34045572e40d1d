"""Reviews: a person's decisions about suspects, read from a CSV file and applied to rows."""
