"""The remedies named in the messages on groups and pairs work."""

import pytest
from remedies import Refusal
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.groups import group_codes
from tripletmine.mining.guarding.never_negatives import pair_lists

REFUSALS = {
    "groups of two kinds": Refusal(
        lambda: group_codes([1, "a"]), "give one kind", lambda: group_codes(["1", "a"])
    ),
    "groups with fractions": Refusal(
        lambda: group_codes([1.0, 2.5]),
        "give integers or strings, and None for rows of no group",
        lambda: group_codes([1, None]),
        lambda: group_codes(["1.0", None]),
    ),
    "triples": Refusal(
        lambda: pair_lists([(0, 1, 2)], 3),
        "give integers of shape (M, 2), one pair of rows per line",
        lambda: pair_lists([(0, 1), (0, 2)], 3),
    ),
    "rows counted from 1": Refusal(
        lambda: pair_lists([(1, 3)], 3), "number them from 0 to 2", lambda: pair_lists([(0, 2)], 3)
    ),
    "a row and itself": Refusal(
        lambda: pair_lists([(0, 1), (2, 2)], 3), "leave it out", lambda: pair_lists([(0, 1)], 3)
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)
