"""What one contestant needs to reach the final score of another."""

import pytest

from .pairs import paired, reached
from .results import Epoch, Result, keep_result, read_result


def result(name, scores, *, seed=0, pace=1.0):
    """One epoch of 100 images for each score; None for epochs that were not tested."""
    epochs = tuple(
        Epoch(
            images=100 * number,
            seconds=10 * pace * number,
            cpu_seconds=5 * pace * number,
            validation={"map_at_r": 0.0},
            test=None if score is None else {"map_at_r": score},
        )
        for number, score in enumerate(scores, start=1)
    )
    return Result(name, seed, 1e-3, "digest", epochs)


@pytest.mark.parametrize(
    ("score", "images", "epoch"),
    [(0.4, 100, 0), (0.5, 100, 0), (0.6, 150, 1), (0.7, 200, 1), (0.75, 300, 3)],
)
def test_a_score_is_reached_between_the_tested_epochs_around_it(score, images, epoch):
    ours = result("ours", [0.5, 0.7, None, 0.8])
    found = reached(ours, score)
    assert found is not None
    assert found[0] == pytest.approx(images)
    assert found[1] is ours.epochs[epoch]


def test_a_score_beyond_the_end_is_never_reached():
    assert reached(result("ours", [0.5, 0.7]), 0.71) is None


def test_a_score_that_falls_back_counts_where_it_was_first_reached():
    ours = result("ours", [0.5, 0.7, 0.6, 0.8])
    found = reached(ours, 0.65)
    assert found is not None
    assert found[0] == pytest.approx(175)
    assert found[1] is ours.epochs[1]


def test_only_common_seeds_are_paired_and_costs_are_shares_of_the_others_whole_training():
    ours = {seed: result("ours", [0.5, 0.7], seed=seed, pace=2.0) for seed in (0, 1)}
    others = {seed: result("other", [0.4, 0.6], seed=seed) for seed in (1, 2)}
    (pair,) = paired(ours, others)
    assert pair.seed == 1
    assert pair.difference == pytest.approx(0.1)
    assert pair.cost is not None
    assert (pair.cost.images, pair.cost.seconds, pair.cost.cpu_seconds) == pytest.approx((0.75, 2.0, 2.0))


def test_a_result_is_read_back_as_it_was_kept(tmp_path):
    path = tmp_path / "ours" / "result.json"
    kept = result("ours", [None, 0.7])
    assert read_result(path) is None
    keep_result(path, kept)
    assert read_result(path) == kept
