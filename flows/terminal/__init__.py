"""What people see: tables, progress, messages, Ctrl-C."""
