"""Batches of ranked pairs: all known pairs occur and no others, and seed and epoch decide the batches."""

import numpy as np
import pytest
from tripletmine.models.batches.ranked import RankedBatches
from tripletmine.models.errors import ModelError

ROWS = 60


def known(count=200, seed=0):
    generator = np.random.default_rng(seed)
    pairs = np.unique(generator.integers(0, ROWS, (count, 2)), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs, generator.random(len(pairs)) < 0.3


def batches_of(pairs, alike, *, batch_images=16, images=400, seed=1, epoch=2):
    return RankedBatches(
        pairs,
        alike,
        values=np.arange(ROWS, dtype=np.float32),
        classes=np.arange(ROWS, dtype=np.int32) // 3,
        batch_images=batch_images,
        images=images,
        seed=seed,
        epoch=epoch,
    )


def told(batch):
    """Pairs of a batch by row."""
    rows = batch.rows[batch.ranked.pairs]
    return [(*pair, same) for pair, same in zip(rows.tolist(), batch.ranked.alike.tolist(), strict=True)]


def test_pairs_are_known_ones_and_each_pass_has_all_of_them():
    pairs, alike = known()
    plan = batches_of(pairs, alike, images=2000)
    expected = {(*pair, same) for pair, same in zip(pairs.tolist(), alike.tolist(), strict=True)}
    counts: dict[tuple, int] = {}
    for batch in plan.batches():
        assert batch.ranked is not None
        assert len(batch) == len(set(batch.rows.tolist())) <= 16
        assert batch.ranked.values.tolist() == batch.rows.tolist()
        assert batch.classes.tolist() == (batch.rows // 3).tolist()
        found = told(batch)
        assert len(set(found)) == len(found) > 0
        for each in found:
            counts[each] = counts.get(each, 0) + 1
    assert counts.keys() == expected
    assert max(counts.values()) - min(counts.values()) <= 1
    assert plan.steps == 125


def test_few_pairs_come_again_and_not_twice_in_a_batch():
    pairs, alike = np.array([[0, 1], [1, 2]]), np.array([False, True])
    for batch in batches_of(pairs, alike).batches():
        assert told(batch) in ([(0, 1, False), (1, 2, True)], [(0, 1, False)], [(1, 2, True)])


def test_seed_and_epoch_decide_the_batches_from_any_step_on():
    pairs, alike = known()
    whole = [told(batch) for batch in batches_of(pairs, alike).batches()]
    assert [told(batch) for batch in batches_of(pairs, alike).batches(start_step=7)] == whole[7:]
    assert [told(batch) for batch in batches_of(pairs, alike, epoch=3).batches()] != whole
    assert [told(batch) for batch in batches_of(pairs, alike, seed=2).batches()] != whole


def test_without_pairs_there_is_nothing_to_train():
    nothing = np.empty((0, 2), np.int64), np.empty(0, np.bool_)
    with pytest.raises(ModelError, match="there are no pairs to train on: give some"):
        batches_of(*nothing)
