"""Run files, data sets, artifacts, workers and the stages of an epoch, in storeys (see CONTRIBUTING.md)."""
