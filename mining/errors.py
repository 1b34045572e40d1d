"""Errors of mining."""


class InputError(ValueError):
    """Vectors, labels or parameters that cannot be mined.

    The message names the subject, the value found, the limit and the remedy.
    """


class RecallError(InputError):
    """A search that misses its recall target. Exact search never raises it."""
