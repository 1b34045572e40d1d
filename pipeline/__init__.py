"""Run files, artifacts, manifests, executors and the stages of an epoch."""
