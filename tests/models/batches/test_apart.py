"""Pairs that are never negatives do not share a batch; rows that are left out are in no batch."""

import numpy as np
import pytest
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.models.batches.apart import Apart
from tripletmine.models.batches.batch import Batch
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.settings import BatchShape
from tripletmine.models.row_classes import RowClasses

CLASSES = np.repeat(np.arange(6, dtype=np.int32), 5)


def plan(classes: RowClasses = RowClasses(CLASSES)):  # noqa: B008 — frozen
    shape = BatchShape(classes_per_batch=4, images_per_class=3)
    return ClassBalanced(classes, shape=shape, images=600, seed=0, epoch=1)


def test_no_batch_holds_a_pair_and_nothing_else_is_lost():
    pairs = np.array([(0, 5), (0, 6), (7, 12), (20, 29), (1, 2)])  # the last pair is of one class: positives
    apart = Apart(plan(), pair_lists(pairs, len(CLASSES)).has)
    before, after = list(plan().batches()), list(apart.batches())
    assert apart.steps == len(before) == len(after)
    met = 0
    for one, other in zip(before, after, strict=True):
        there = set(other.rows.tolist())
        lost = set(one.rows.tolist()) - there
        assert not [pair for pair in pairs[:-1].tolist() if there.issuperset(pair)]
        assert lost <= set(pairs.ravel().tolist())
        assert other.classes.tolist() == CLASSES[other.rows].tolist()
        met += bool(lost)
    assert met > 5
    assert any({1, 2} <= set(batch.rows.tolist()) for batch in after)
    assert [batch.rows.tolist() for batch in apart.batches(3)] == [batch.rows.tolist() for batch in after[3:]]


@pytest.mark.parametrize("several", [False, True])
def test_a_row_alone_in_its_class_is_in_no_batch(several):
    classes = RowClasses.of_sets([[code, 5] if several and code < 2 else [code] for code in CLASSES.tolist()])
    excluded = np.zeros(len(CLASSES), np.bool_)
    excluded[[0, 7, 8, 29]] = True
    alone = classes.alone(excluded, first_code=6)
    assert alone.single == (not several)
    assert alone.take(np.flatnonzero(excluded)).members.tolist() == [6, 7, 8, 9]
    rest = np.flatnonzero(~excluded)
    assert alone.take(rest).members.tolist() == classes.take(rest).members.tolist()
    shown = {row for batch in plan(alone).batches() for row in batch.rows.tolist()}
    assert shown == set(rest.tolist())


def test_batches_with_stored_triplets_stay_as_they_are():
    batch = Batch(np.array([0, 1, 5]), np.array([0, 0, 1], np.int32), np.array([[0, 1, 2]]))

    class Plan:
        steps = 1

        def batches(self, start_step=0):
            yield batch

    assert list(Apart(Plan(), pair_lists([(0, 5)], 30).has).batches()) == [batch]
