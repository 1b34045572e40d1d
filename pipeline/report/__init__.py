"""What was mined and learned as one page: a file that needs nothing else, and that people mail."""
