"""Terminal output and interrupts: tables, progress, messages, Ctrl-C."""
