"""Checks of settings against the limits in their annotations, as in `margin: Annotated[float, Gt(0)] = 0.2`.

Limits and defaults are stated once, at the field. Settings classes have no slots, so that other code can read a default
as `MiningRule.margin`.
"""

import math
from dataclasses import fields
from functools import cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from .errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check_limits(settings: "DataclassInstance") -> None:
    """Raise InputError for the first field whose value its annotation does not allow.

    Checks numbers, which must be finite and within their limits, and choices (``Literal``). None passes if the
    annotation includes it. Fields of other types are not checked.
    """
    hints = _hints(type(settings))
    for each in fields(settings):
        value = getattr(settings, each.name)
        for allowed in _alternatives(hints[each.name]):
            if value is None and allowed is type(None):
                break
            kind, *limits = get_args(allowed) if get_origin(allowed) is Annotated else (allowed,)
            if get_origin(kind) is Literal:
                _check_choice(each.name, value, get_args(kind))
            elif kind in (int, float):
                _check_number(each.name, value, kind)
                _check_limits(each.name, value, limits)


@cache
def _hints(settings: type) -> dict[str, Any]:
    return get_type_hints(settings, include_extras=True)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of `X | None`, None first."""
    parts = get_args(hint) if type(None) in get_args(hint) else (hint,)
    return tuple(sorted(parts, key=lambda part: part is not type(None)))


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise InputError when an argument, some count, is too low."""
    _check_limits(name, value, [Ge(least)])


def check_share(name: str, value: float) -> None:
    """Raise InputError unless 0 < ``value`` ≤ 1."""
    if not 0 < value <= 1:
        raise InputError(f"{name} is {value} but must be above 0 and at most 1: give such a share")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r} but must be one of {', '.join(choices)}: choose one of them")


def _check_number(name: str, value: object, kind: type) -> None:
    if kind is int and not isinstance(value, Integral):
        raise InputError(f"{name} is {value!r} but must be a whole number: correct it")
    if not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} is {value!r} but must be a finite number: correct it")


def _check_limits(name: str, value: Any, limits: list[Any]) -> None:
    for limit in limits:
        match limit:
            case Ge(ge=least) if value < least:
                raise InputError(f"{name} is {value} but must be at least {least}: raise it")
            case Gt(gt=bound) if value <= bound:
                raise InputError(f"{name} is {value} but must be above {bound}: raise it")
            case Le(le=most) if value > most:
                raise InputError(f"{name} is {value} but must be at most {most}: lower it")
            case Lt(lt=bound) if value >= bound:
                raise InputError(f"{name} is {value} but must be below {bound}: lower it")
            case _:
                pass
