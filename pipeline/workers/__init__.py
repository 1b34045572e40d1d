"""Where tasks run, and what a process keeps open between them."""
