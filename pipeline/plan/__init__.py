"""Stages: references, tasks, plans, and the states of a stage's folder."""
