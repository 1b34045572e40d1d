"""Models in torch: encoders, losses, batches, training, metrics, checkpoints. Knows no files of a run."""
