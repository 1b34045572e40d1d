"""Checks that data set and review are still those that the run began with."""
