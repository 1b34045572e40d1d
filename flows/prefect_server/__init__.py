"""The private Prefect server of a command."""
