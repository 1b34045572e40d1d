"""One epoch of training: its batches, images, checkpoints and processes."""
