"""Errors of the models."""


class ModelError(ValueError):
    """An encoder, a setting, a batch or a checkpoint that cannot be used.

    The message names the subject, the value found, the limit and the remedy.
    """
