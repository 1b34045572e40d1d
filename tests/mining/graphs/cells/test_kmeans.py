"""Rows go to the centre that is nearest by differences, however products round; centres move to the means."""

import numpy as np
import pytest
from tripletmine.mining.graphs.cells.kmeans import assign, train


def by_plain_loops(x: np.ndarray, centres: np.ndarray) -> list[int]:
    wide = centres.astype(np.float64)
    return [int(np.argmin(((wide - row) ** 2).sum(axis=1))) for row in x.astype(np.float64)]


@pytest.mark.parametrize("away", [0.0, 3000.0])
def test_of_centres_equally_near_the_first_is_taken(away: float) -> None:
    """Integer coordinates make distances exact; far from the origin, products are off by more than 1."""
    rng = np.random.default_rng(3)
    x = rng.integers(-4, 5, (700, 3)).astype(np.float32)
    centres = rng.integers(-4, 5, (300, 3)).astype(np.float32)
    centres[0], x[0] = 2 * away, -away  # moves the mean, so that centring alone does not help
    x[1:] += np.float32(away)
    centres[1:] += np.float32(away)
    expected = by_plain_loops(x, centres)
    for threads in (1, 3):
        np.testing.assert_array_equal(assign(x, centres, threads=threads), expected)


def test_rounds_move_centres_to_the_means_of_their_rows(clustered) -> None:
    start = clustered[::100]
    centres = train(clustered, start, rounds=1, threads=1)
    nearest = np.array(by_plain_loops(clustered, start))
    means = [clustered[nearest == each].astype(np.float64).mean(axis=0) for each in range(len(start))]
    np.testing.assert_allclose(centres, means, atol=1e-6)

    def spread(centres: np.ndarray) -> float:
        return float(((clustered - centres[assign(clustered, centres, threads=1)]) ** 2).sum())

    spreads = [spread(train(clustered, start, rounds=rounds, threads=1)) for rounds in (0, 1, 3, 6)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] < 0.95 * spreads[0]


def test_equal_centres_and_those_without_rows_are_left_out() -> None:
    x = np.array([[0.0, 0.0], [0.0, 2.0], [10.0, 0.0]], np.float32)
    start = np.array([[9.0, 0.0], [0.0, 1.0], [9.0, 0.0], [99.0, 0.0]], np.float32)
    np.testing.assert_array_equal(train(x, start, rounds=2, threads=1), [[10.0, 0.0], [0.0, 1.0]])
