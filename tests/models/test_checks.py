import math

import pytest
from tripletmine.models.checks import check_choice, check_count, check_number, suggestion
from tripletmine.models.errors import ModelError


@pytest.mark.parametrize(
    ("value", "limits", "said"),
    [
        (-1.0, {"above": 0.0}, "loss.margin is -1.0 but must be above 0.0: raise it"),
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
    with pytest.raises(ModelError, match=r"^loss\.margin is ") as caught:
        check_number("loss.margin", value, **limits)
    assert said in str(caught.value)


def test_limits_themselves_are_allowed_where_they_are_inclusive():
    check_number("x", 0.0, at_least=0.0, at_most=0.0)


@pytest.mark.parametrize("value", [1.5, True, "3", None])
def test_a_count_is_a_whole_number(value):
    with pytest.raises(ModelError, match="whole number"):
        check_count("train.images", value)


def test_a_wrong_choice_suggests_the_nearest():
    with pytest.raises(ModelError, match=r"adamw, sgd: did you mean 'adamw'\?"):
        check_choice("train.optimiser", "adamv", ["adamw", "sgd"])


def test_nothing_is_suggested_when_nothing_is_near():
    assert suggestion("zzz", ["adamw", "sgd"]) == ""
