"""Checks of settings. Every error names subject, value, limit and remedy."""

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import MinLen

from .errors import ModelError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_LIMITS = {"ge": "at_least", "gt": "above", "le": "at_most", "lt": "below"}
"""Fields of annotated_types' limits → parameters of `check_number`."""


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

    >>> check_number("learning_rate", -1.0, above=0.0)
    Traceback (most recent call last):
    ...
    tripletmine.models.errors.ModelError: learning_rate is -1.0 but must be above 0.0: raise it
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
            f"{name} is {value!r} but must be one of {', '.join(choices)}: "
            + suggestion(value, choices, otherwise="choose one of them")
        )


def check_settings(settings: "DataclassInstance") -> None:
    """Raise ModelError for the first field that its annotation does not allow, as in `Annotated[float, Gt(0)]`.

    Limits and defaults are stated once, at the field. Settings classes have no slots, so that other code can read a
    default as `OptimiserSettings.learning_rate`. Fields of other types are not checked.
    """
    for name, hint in _hints(type(settings)).items():
        value: Any = getattr(settings, name)
        parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        for part in parts:
            kind, *limits = get_args(part) if get_origin(part) is Annotated else (part,)
            # Of alternatives, such as "soft" or a number, check the one that the value is meant for.
            if len(parts) == 1 or _meant(value, kind):
                _check(name, value, kind, limits)


@cache
def _hints(settings: type) -> dict[str, Any]:
    return get_type_hints(settings, include_extras=True)


def _meant(value: object, kind: Any) -> bool:
    return value is not None and isinstance(value, str) == (get_origin(kind) is Literal)


def _check(name: str, value: Any, kind: Any, limits: Sequence[Any]) -> None:
    bounds: dict[str, Any] = {
        _LIMITS[word]: bound for limit in limits for word, bound in asdict(limit).items() if word in _LIMITS
    }
    if get_origin(kind) is Literal:
        check_choice(name, value, get_args(kind))
    elif kind is int:
        check_count(name, value, **bounds)
    elif kind is float:
        check_number(name, value, **bounds)
    elif MinLen(1) in limits and not value:
        raise ModelError(f"{name} is empty but must hold at least one: give one")


def suggestion(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """`'did you mean …?'` with the known name most similar to `name`, or `otherwise` if none is similar."""
    nearest = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"did you mean {nearest[0]!r}?" if nearest else otherwise
