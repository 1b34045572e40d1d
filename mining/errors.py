"""What mining says when it cannot do what was asked."""


class InputError(ValueError):
    """Vectors, labels or parameters that cannot be mined.

    The message names the subject, the value found, the limit and the remedy.
    """


class RecallError(InputError):
    """A graph that does not find as many of the true neighbours as it was asked for; exact search does."""
