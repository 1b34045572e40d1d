"""Refused calls, and the remedies that their messages name: each remedy is tried, and must work.

A table of refusals by name, and the test over it:

    @pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
    def test_each_remedy_works(refusal: Refusal) -> None:
        refusal.require(InputError)
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

Call = Callable[[], object]

_LIMITS: dict[str, tuple[float, float, str]] = {
    "ge": (-1, 0, "must be at least {}: raise it"),
    "gt": (0, 1e-3, "must be above {}: raise it"),
    "le": (1, 0, "must be at most {}: lower it"),
    "lt": (0, -1e-3, "must be below {}: lower it"),
}
"""For each kind of limit in annotated_types: what to add to get beyond it, what to stay inside, and the message."""


class Refusal:
    """A refused call, a part of its error message, and calls that do what this part says."""

    def __init__(self, refused: Call, says: str, *remedies: Call) -> None:
        assert remedies, f"nothing does what {says!r} says"
        self.refused, self.says, self.remedies = refused, says, remedies

    def require(self, error: type[Exception] | tuple[type[Exception], ...]) -> None:
        """Check that the call is refused, and that each remedy works."""
        with pytest.raises(error) as caught:
            self.refused()
        said = str(caught.value)
        assert self.says in said, said
        for remedy in self.remedies:
            remedy()


def refusals_of_limits(check: Callable[[Any], None], *settings: type) -> dict[str, Refusal]:
    """Every limit on a field of these dataclasses, as a refusal of a value beyond it.

    check: validates an object of one of them. The remedies are values inside the limit.
    """

    def checked(kind: type, name: str, value: object) -> None:
        # Without `__post_init__`, which also checks how fields fit together.
        each = object.__new__(kind)
        vars(each).update({field.name: field.default for field in fields(kind)}, **{name: value})
        check(each)

    return {
        f"{kind.__name__}.{name} {says}": Refusal(
            partial(checked, kind, name, beyond),
            says,
            *(partial(checked, kind, name, value) for value in inside),
        )
        for kind in settings
        for name, hint in get_type_hints(kind, include_extras=True).items()
        for beyond, says, inside in _limits_of(hint)
    }


def _limits_of(hint: Any) -> Iterator[tuple[object, str, tuple[object, ...]]]:
    """For each limit: a value beyond it, the message, and values inside."""
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        yield "no such", "one of " + ", ".join(parts), parts
        return
    for part in parts:
        if not is_dataclass(part) or isinstance(part, type):
            yield from _limits_of(part)
            continue
        for word, bound in asdict(part).items():
            if word in _LIMITS:
                beyond, inside, says = _LIMITS[word]
                yield bound + beyond, says.format(bound), (bound + inside,)
            elif word == "min_length":
                yield (), "must hold at least one: give one", ((1.0,),)
