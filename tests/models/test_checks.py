import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Lt, MinLen
from tripletmine.models.checks import check_choice, check_count, check_number, check_settings, suggestion
from tripletmine.models.errors import ModelError


@pytest.mark.parametrize(
    ("value", "limits", "said"),
    [
        (-1.0, {"above": 0.0}, "margin is -1.0 but must be above 0.0: raise it"),
        (0.0, {"above": 0.0}, "above 0.0"),
        (-0.1, {"at_least": 0.0}, "at least 0.0: raise it"),
        (1.1, {"at_most": 1.0}, "at most 1.0: lower it"),
        (1.0, {"below": 1.0}, "below 1.0: lower it"),
        (math.nan, {}, "nan but must be a finite number"),
        (math.inf, {}, "inf but must be a finite number"),
        (True, {}, "True but must be a finite number"),
        ("1", {}, "'1' but must be a finite number"),
    ],
)
def test_a_number_out_of_range_names_subject_value_limit_remedy(value, limits, said):
    with pytest.raises(ModelError, match=r"^margin is ") as caught:
        check_number("margin", value, **limits)
    assert said in str(caught.value)


def test_limits_themselves_are_allowed_where_they_are_inclusive():
    check_number("x", 0.0, at_least=0.0, at_most=0.0)


@pytest.mark.parametrize("value", [1.5, True, "3", None])
def test_a_count_is_a_whole_number(value):
    with pytest.raises(ModelError, match="whole number"):
        check_count("train.images", value)


def test_a_wrong_choice_suggests_the_nearest():
    with pytest.raises(ModelError, match=r"adamw, sgd: did you mean 'adamw'\?"):
        check_choice("optimiser", "adamv", ["adamw", "sgd"])


def test_nothing_is_suggested_when_nothing_is_near():
    assert suggestion("zzz", ["adamw", "sgd"], otherwise="leave it out") == "leave it out"


@dataclass(frozen=True)
class Knobs:
    rows: Annotated[int, Ge(1)] | None = None
    rate: Annotated[float, Gt(0), Lt(2)] = 0.5
    margin: Annotated[float, Gt(0)] | Literal["soft"] = "soft"
    levels: Annotated[tuple[float, ...], MinLen(1)] = (0.0,)

    def __post_init__(self) -> None:
        check_settings(self)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"rows": 0}, "rows is 0 but must be at least 1: raise it"),
        ({"rows": 1.5}, "rows is 1.5 but must be a whole number of at least 1: correct it"),
        ({"rate": None}, "rate is None but must be a finite number: correct it"),
        ({"rate": 2.0}, "rate is 2.0 but must be below 2: lower it"),
        ({"margin": 0.0}, "margin is 0.0 but must be above 0: raise it"),
        ({"margin": "sof"}, "margin is 'sof' but must be one of soft: did you mean 'soft'?"),
        ({"levels": ()}, "levels is empty but must hold at least one: give one"),
    ],
)
def test_settings_are_held_to_their_annotations(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Knobs(**knobs)
    assert str(caught.value) == message


def test_settings_inside_their_limits_are_taken() -> None:
    assert Knobs(rows=3, rate=1, margin=0.5).rows == 3
