"""Settings of rules and guards that make no sense are refused by name."""

import math
import re

import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.guards import Guards
from tripletmine.mining.rule import MiningRule


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k_hardness": -0.1}, "k_hardness is -0.1"),
        ({"k_hardness": math.nan}, "k_hardness is nan"),
        ({"margin": 0.0}, "margin is 0.0"),
        ({"margin": math.inf}, "margin is inf"),
        ({"triplets_per_anchor": 0}, "triplets_per_anchor is 0"),
        ({"positives": "all"}, "positives is 'all'"),
        ({"guards": Guards(minimum_margin_sq=0.2)}, "minimum_margin_sq is 0.2 and margin is 0.2"),
    ],
)
def test_rule(parameters, message):
    with pytest.raises(InputError, match=re.escape(message)):
        MiningRule(**{"k_hardness": 1.0} | parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"duplicate_sq": -1.0}, "duplicate_sq is -1.0"),
        ({"duplicate_sq": math.inf}, "duplicate_sq is inf"),
        ({"positive_percentile": 101.0}, "positive_percentile is 101.0 but must be at most 100: lower it"),
        ({"positive_percentile": math.nan}, "positive_percentile is nan"),
        ({"relative_margin": 1.5}, "relative_margin is 1.5"),
        ({"minimum_margin_sq": -0.1}, "minimum_margin_sq is -0.1"),
        ({"rank_window": (5, 5)}, "rank_window is [5, 5)"),
        ({"rank_window": (-1, 5)}, "rank_window is [-1, 5)"),
    ],
)
def test_guards(parameters, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Guards(**parameters)


def test_guards_are_off_by_default():
    assert MiningRule(1.0).guards == Guards(*[None] * 8)
