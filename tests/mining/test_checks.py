"""Every kind of limit that a settings dataclass can state, and the message for a value beyond it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt
from tripletmine.mining.checks import check_limits
from tripletmine.mining.errors import InputError


@dataclass(frozen=True)
class Knobs:
    rows: Annotated[int, Ge(1)] = 1
    rate: Annotated[float, Gt(0), Le(2)] = 0.5
    share: Annotated[float, Ge(0), Lt(1)] | None = None
    kind: Literal["near", "far"] = "near"
    others: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_limits(self)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"rows": 0}, "rows is 0 but must be at least 1: raise it"),
        ({"rows": 1.5}, "rows is 1.5 but must be a whole number: correct it"),
        ({"rate": 0}, "rate is 0 but must be above 0: raise it"),
        ({"rate": 2.5}, "rate is 2.5 but must be at most 2: lower it"),
        ({"rate": float("nan")}, "rate is nan but must be a finite number: correct it"),
        ({"rate": float("inf")}, "rate is inf but must be a finite number: correct it"),
        ({"rate": None}, "rate is None but must be a finite number: correct it"),
        ({"share": 1.0}, "share is 1.0 but must be below 1: lower it"),
        ({"kind": "high"}, "kind is 'high' but must be one of near, far: choose one of them"),
    ],
)
def test_a_value_beyond_its_limit_is_named_with_limit_and_remedy(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Knobs(**knobs)
    assert str(caught.value) == message


def test_values_inside_the_limits_are_taken() -> None:
    assert Knobs(rows=np.int64(3), rate=np.float32(2), share=0.0, kind="far", others=(-1,)).rows == 3  # pyright: ignore
    assert Knobs(rate=1).share is None
