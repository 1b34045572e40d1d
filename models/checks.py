"""Checks of settings, so that each says the same four things: subject, value, limit, remedy."""

import difflib
import math
from collections.abc import Iterable, Sequence

from .errors import ModelError


def check_number(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> None:
    """Raise ModelError unless `value` is a finite number inside the given limits.

    >>> check_number("train.learning_rate", -1.0, above=0.0)
    Traceback (most recent call last):
    ...
    tripletmine.models.errors.ModelError: train.learning_rate is -1.0 but must be above 0.0: raise it
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelError(f"{name} is {value!r} but must be a finite number: correct it")
    if at_least is not None and value < at_least:
        raise ModelError(f"{name} is {value} but must be at least {at_least}: raise it")
    if above is not None and value <= above:
        raise ModelError(f"{name} is {value} but must be above {above}: raise it")
    if at_most is not None and value > at_most:
        raise ModelError(f"{name} is {value} but must be at most {at_most}: lower it")
    if below is not None and value >= below:
        raise ModelError(f"{name} is {value} but must be below {below}: lower it")


def check_count(name: str, value: int, *, at_least: int = 1, at_most: int | None = None) -> None:
    """Raise ModelError unless `value` is a whole number inside the limits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ModelError(f"{name} is {value!r} but must be a whole number of at least {at_least}: correct it")
    check_number(name, value, at_least=at_least, at_most=at_most)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ModelError unless `value` is one of `choices`; the nearest choice is suggested."""
    if value not in choices:
        raise ModelError(
            f"{name} is {value!r} but must be one of {', '.join(choices)}{suggestion(value, choices)}"
        )


def suggestion(name: str, known: Iterable[str]) -> str:
    """`': did you mean …?'` with the known name nearest to `name`, or an empty string."""
    nearest = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f": did you mean {nearest[0]!r}?" if nearest else ""
