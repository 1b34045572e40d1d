"""Each rule against three nested loops, compared as sets of triplets."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.errors import ModelError
from tripletmine.models.rules.in_batch import InBatch, SemiHard, Stored, StoredAndFresh, WithinBoundary


def batch_of(points, classes, rows=None, stored=None):
    """Distances of points on a grid: exact in float32, and with many ties."""
    x = np.asarray(points, np.float64)
    distances = ((x[:, None] - x) ** 2).sum(axis=2)
    rows = np.arange(len(x)) if rows is None else rows
    return InBatch(
        torch.tensor(distances, dtype=torch.float32), torch.tensor(classes), torch.as_tensor(rows), stored
    )


def pairs_of(batch):
    classes, rows = batch.classes.tolist(), batch.rows.tolist()
    return [
        (a, p)
        for a, p in itertools.product(range(len(rows)), repeat=2)
        if classes[a] == classes[p] and rows[a] != rows[p]
    ]


def slow_within_boundary(batch, k, margin, nearer_positive):
    d, classes = batch.sq_distances.double().tolist(), batch.classes.tolist()
    pairs = pairs_of(batch)
    found = set()
    for a, p in pairs:
        nearest = min(d[a][q] for b, q in pairs if b == a)
        for n in range(len(classes)):
            admissible = classes[n] != classes[a] and k * k * d[a][p] < d[a][n] < d[a][p] + margin
            if admissible and (not nearer_positive or nearest < d[a][n]):
                found.add((a, p, n))
    return found


def counted(triplets, size):
    """How often each pair occurs."""
    positive, negative = torch.zeros(size, size), torch.zeros(size, size)
    for a, p, n in triplets:
        positive[a, p] += 1
        negative[a, n] += 1
    return positive, negative


def check(picked, expected):
    """The counts are those of the expected set of triplets."""
    positive, negative = counted(expected, len(picked.trained.positive))
    assert picked.trained.triplets == picked.active.triplets == len(expected)
    for counts in (picked.trained, picked.active):
        assert torch.equal(counts.positive, positive)
        assert torch.equal(counts.negative, negative)
    assert picked.pairs_used == len({(a, p) for a, p, _ in expected})


@st.composite
def batches(draw):
    count = draw(st.integers(1, 14))
    coordinate = st.integers(-3, 3).map(lambda value: value / 4)
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=count, max_size=count))
    classes = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    rows = draw(st.one_of(st.none(), st.lists(st.integers(0, 20), min_size=count, max_size=count)))
    return batch_of(points, classes, rows)


# Binary fractions: products and sums of them are exact, so that strict bounds are met exactly at ties.
@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from([0.0, 0.5, 1.0, 1.5]), st.sampled_from([0.125, 0.25, 1.0]), st.booleans())
def test_within_boundary_finds_exactly_the_admissible_triplets(batch, k, margin, nearer_positive):
    picked = WithinBoundary(k, margin, nearer_positive, nearest_only=False)(batch)
    check(picked, slow_within_boundary(batch, k, margin, nearer_positive))
    assert picked.pairs == len(pairs_of(batch))


def nearest_of(batch, triplets):
    """For each pair the nearest negative; of equally near ones, the first in the batch."""
    nearest = {}
    for a, p, n in sorted(triplets):
        if (a, p) not in nearest or batch.sq_distances[a, n] < batch.sq_distances[a, nearest[a, p]]:
            nearest[a, p] = n
    return {(a, p, n) for (a, p), n in nearest.items()}


@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from([0.0, 0.5, 1.0, 1.5]), st.sampled_from([0.125, 0.25, 1.0]), st.booleans())
def test_within_boundary_may_take_the_nearest_of_the_admissible_ones(batch, k, margin, nearer_positive):
    picked = WithinBoundary(k, margin, nearer_positive, nearest_only=True)(batch)
    check(picked, nearest_of(batch, slow_within_boundary(batch, k, margin, nearer_positive)))


@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from([0.125, 0.25, 1.0]))
def test_semi_hard_takes_one_nearest_negative_inside_the_margin_for_each_pair(batch, margin):
    picked = SemiHard(margin)(batch)
    check(picked, nearest_of(batch, slow_within_boundary(batch, 1.0, margin, nearer_positive=False)))


@pytest.mark.parametrize(
    "rule", [SemiHard(0.2), WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=False)]
)
@pytest.mark.parametrize("classes", [[0, 0, 0], [0, 1, 2]])
def test_without_negatives_or_without_positives_nothing_is_picked(rule, classes):
    picked = rule(batch_of([(0, 0), (0.25, 0), (0, 0.25)], classes))
    check(picked, set())


def test_stored_triplets_are_passed_on_and_the_active_ones_counted():
    stored = torch.tensor([[0, 1, 2], [0, 1, 3], [1, 0, 2]])
    batch = batch_of([(0, 0), (0.5, 0), (0.5, 0.25), (3, 0)], [0, 0, 1, 1], stored=stored)
    picked = Stored(margin=0.25)(batch)
    assert (picked.trained.triplets, picked.active.triplets, picked.pairs, picked.pairs_used) == (3, 2, 3, 2)
    for counts, kept in ((picked.trained, stored), (picked.active, stored[[0, 2]])):
        for found, column in ((counts.positive, 1), (counts.negative, 2)):
            expected = torch.zeros(4, 4)
            expected.index_put_((kept[:, 0], kept[:, column]), torch.ones(len(kept)), accumulate=True)
            assert torch.equal(found, expected)


@pytest.mark.parametrize("rule", [Stored(0.2), StoredAndFresh(WithinBoundary(1.0, 0.2, True, True))])
def test_the_stored_rules_refuse_a_batch_without_stored_triplets(rule):
    with pytest.raises(ModelError, match="got a batch without triplets"):
        rule(batch_of([(0, 0)], [0]))


@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from([0.0, 1.0]), st.sampled_from([0.25, 1.0]), st.booleans(), st.data())
def test_stored_and_fresh_triplets_are_trained_once_each(batch, k, margin, nearest_only, data):
    classes = batch.classes.tolist()
    possible = [
        (a, p, n)
        for a, p, n in itertools.permutations(range(len(classes)), 3)
        if classes[a] == classes[p] != classes[n]
    ]
    stored = data.draw(st.lists(st.sampled_from(possible), unique=True) if possible else st.just([]))
    batch = batch._replace(stored=torch.tensor(stored, dtype=torch.int64).reshape(-1, 3))
    fresh = slow_within_boundary(batch, k, margin, nearer_positive=False)
    fresh = nearest_of(batch, fresh) if nearest_only else fresh
    distances = batch.sq_distances.tolist()
    active = {(a, p, n) for a, p, n in stored if distances[a][n] < distances[a][p] + margin}
    picked = StoredAndFresh(WithinBoundary(k, margin, nearer_positive=False, nearest_only=nearest_only))(
        batch
    )
    for counts, expected in ((picked.trained, fresh | {*stored}), (picked.active, fresh | active)):
        positive, negative = counted(expected, len(classes))
        assert counts.triplets == len(expected)
        assert torch.equal(counts.positive, positive)
        assert torch.equal(counts.negative, negative)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: WithinBoundary(-0.1, 0.2, nearer_positive=True, nearest_only=True), "k_hardness is -0.1"),
        (lambda: WithinBoundary(1.0, 0.0, nearer_positive=True, nearest_only=True), "margin is 0.0"),
        (lambda: SemiHard(0.0), "margin is 0.0"),
        (lambda: Stored(-1.0), "margin is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, said):
    with pytest.raises(ModelError) as caught:
        make()
    assert said in str(caught.value)
