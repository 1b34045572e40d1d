"""Mining in parts: what a task does, here or on workers."""
