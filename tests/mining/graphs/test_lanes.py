"""Lines of any length are compared to their end, and not beyond."""

import numpy as np
import pytest
from numba import njit
from tripletmine.mining.graphs.lanes import LANES, keys_below


@njit
def below(products, sq_norms, start, limit):
    return keys_below(products, sq_norms, start, limit)


@pytest.mark.parametrize("columns", [1, 63, 64, 65, 127, 128, 150])
def test_bits_are_set_where_keys_are_below_the_limit(columns: int) -> None:
    rng = np.random.default_rng(columns)
    products = rng.normal(size=columns).astype(np.float32)
    sq_norms = rng.uniform(0, 2, columns).astype(np.float32)
    for limit in (-np.inf, 0.5, np.inf):
        found = [
            int(below(products, sq_norms, start, np.float32(limit))) >> place & 1
            for start in range(0, columns, LANES)
            for place in range(LANES)
        ]
        expected = np.zeros(len(found), bool)
        expected[:columns] = sq_norms - 2 * products < np.float32(limit)
        np.testing.assert_array_equal(found, expected)
