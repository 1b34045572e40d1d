"""Torch: encoders, losses, batches, one step of training, metrics, checkpoints. Knows no files of a run."""
