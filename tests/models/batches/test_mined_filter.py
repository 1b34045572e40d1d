import numpy as np
import pytest
from tripletmine.models.batches.mined_filter import MinedFilter
from tripletmine.models.errors import ModelError

NAMES = ("anchor", "positive", "negative")


def random_triplets(count, seed):
    return np.random.default_rng(seed).integers(0, 10_000, (count, 3))


def test_no_mined_triplet_is_missed_and_hardly_another_is_taken_for_mined():
    mined, others = random_triplets(200_000, 0), random_triplets(100_000, 1)
    found = MinedFilter(10_000, memory_mib=1)
    for part in np.array_split(mined, 3):
        found.add(dict(zip(NAMES, part.T, strict=True)))
    assert found.contains(mined).all()
    share = found.contains(others).mean()
    assert share < 1e-3, f"{share:.5f} of other triplets were taken for mined"


def test_the_order_of_the_three_rows_counts():
    found = MinedFilter(10)
    found.add({"anchor": np.array([1]), "positive": np.array([2]), "negative": np.array([3])})
    assert found.contains(np.array([[1, 2, 3], [2, 1, 3], [1, 3, 2], [3, 2, 1]])).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_ids_of_another_data_set_are_refused():
    with pytest.raises(ModelError, match="negative ids from 10 to 10"):
        MinedFilter(10).add({"anchor": np.array([1]), "positive": np.array([2]), "negative": np.array([10])})
