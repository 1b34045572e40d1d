"""Images as tensors: scaled, augmented, loaded."""
