"""Assign rows to the training, validation and test split."""
