"""Executors that run tasks, and what a process keeps open between tasks."""
