"""The command line, Prefect flows, schedules."""
