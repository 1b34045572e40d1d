"""Load, scale and augment images as tensors."""
