from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from present import present
from tripletmine.models.batches.stored_triplets import StoredTriplets, fitting, shuffled_in_runs
from tripletmine.models.errors import ModelError
from tripletmine.models.seeds import numpy_generator

CLASSES = np.repeat(np.arange(12), 10).astype(np.int32)


def mined(count=600, seed=0):
    """Random valid triplets of CLASSES, by anchor."""
    generator = np.random.default_rng(seed)
    anchor = np.sort(generator.integers(0, 120, count))
    positive = anchor - anchor % 10 + (anchor % 10 + generator.integers(1, 10, count)) % 10
    negative = (anchor - anchor % 10 + 10 * generator.integers(1, 12, count)) % 120 + generator.integers(
        0, 10, count
    )
    return {"anchor": anchor, "positive": positive, "negative": negative}


def parts_of(columns, cuts=(200, 350)):
    ends = [0, *cuts, len(columns["anchor"])]
    return [
        lambda a=a, b=b: {name: column[a:b] for name, column in columns.items()} for a, b in pairwise(ends)
    ]


def plan(parts, batch_images=30, images=30 * 40, seed=0, epoch=0):
    return StoredTriplets(CLASSES, parts, batch_images=batch_images, images=images, seed=seed, epoch=epoch)


def in_rows(batch):
    return [tuple(triplet) for triplet in batch.rows[batch.triplets].tolist()]


def as_list(columns):
    return list(zip(*(columns[name].tolist() for name in ("anchor", "positive", "negative")), strict=True))


def test_one_pass_gives_each_stored_triplet_exactly_once():
    columns = mined()
    wanted, found = Counter(as_list(columns)), Counter()
    for batch in plan(parts_of(columns), images=30 * 1000).batches():
        found.update(in_rows(batch))
        if found.total() >= wanted.total():
            break
    assert found == wanted


def test_a_batch_holds_different_rows_within_its_limit_and_only_those_of_its_triplets():
    for batch in plan(parts_of(mined())).batches():
        assert len(set(batch.rows.tolist())) == len(batch) <= 30
        assert set(present(batch.triplets).ravel().tolist()) == set(range(len(batch)))
        np.testing.assert_array_equal(batch.classes, CLASSES[batch.rows])


def test_packing_shares_images():
    batches = list(plan(parts_of(mined(3000), cuts=()), images=30 * 50).batches())
    images = sum(len(batch) for batch in batches)
    triplets = sum(len(present(batch.triplets)) for batch in batches)
    assert images / triplets < 2.0, f"{images / triplets:.2f} images a triplet (3 without sharing)"


def test_steps_follow_the_images_also_over_several_passes():
    found = plan(parts_of(mined(60), cuts=()), images=30 * 70)
    assert found.steps == 70
    assert len(list(found.batches())) == 70


@pytest.mark.parametrize("start", [0, 1, 23, 40, 41])
def test_a_resume_at_a_step_gives_the_same_batches(start):
    whole = [in_rows(batch) for batch in plan(parts_of(mined())).batches()]
    assert [in_rows(batch) for batch in plan(parts_of(mined())).batches(start)] == whole[start:]


def test_seed_and_epoch_decide():
    def rows(**seeds):
        return [in_rows(batch) for batch in plan(parts_of(mined()), **seeds).batches()]

    assert rows(seed=1, epoch=2) == rows(seed=1, epoch=2)
    assert rows(seed=1, epoch=2) != rows(seed=1, epoch=3)
    assert rows(seed=1, epoch=2) != rows(seed=2, epoch=2)


def test_parts_are_read_one_at_a_time():
    columns, read = mined(), []
    parts = [
        lambda part=part, at=at: (read.append(at), part())[1] for at, part in enumerate(parts_of(columns))
    ]
    batches = plan(parts).batches()
    next(batches)
    assert len(read) == 1


def test_a_run_keeps_to_one_pair_of_classes_and_all_places_occur_once():
    columns = mined(2000)
    first, second = CLASSES[columns["anchor"]], CLASSES[columns["negative"]]
    order = shuffled_in_runs(first, second, columns["anchor"], numpy_generator(0))
    assert sorted(order.tolist()) == list(range(2000))
    stays = (first[order][1:] == first[order][:-1]) & (second[order][1:] == second[order][:-1])
    assert stays.mean() > 0.8


def test_a_pair_of_classes_with_many_triplets_is_spread_over_the_pass():
    # Only two pairs of classes: in blocks, the order would change from one to the other once.
    first, second = np.zeros(2000, np.int32), np.repeat([1, 2], 1000).astype(np.int32)
    order = shuffled_in_runs(first, second, np.arange(2000), numpy_generator(0))
    changes = np.flatnonzero(np.diff(second[order]))
    assert len(changes) > 30
    assert np.diff(changes).max() <= 16 * 12


@pytest.mark.parametrize(
    ("triplets", "images", "expected"),
    [
        ([[0, 1, 2], [0, 1, 3], [4, 5, 6]], 3, 1),
        ([[0, 1, 2], [0, 1, 3], [4, 5, 6]], 4, 2),
        ([[0, 1, 2], [0, 1, 3], [4, 5, 6]], 6, 2),
        ([[0, 1, 2], [0, 1, 3], [4, 5, 6]], 7, 3),
        ([[5, 1, 2], [1, 5, 2], [2, 5, 1]], 3, 3),
    ],
)
def test_fitting_counts_different_images(triplets, images, expected):
    assert fitting(np.array(triplets), images) == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"negative": None}, "no column 'negative'"),
        ({"anchor": np.array([0, 120])}, "anchor ids from 0 to 120 but the training set has rows 0 to 119"),
        ({"positive": np.array([-1, 0])}, "positive ids from -1 to 0"),
        ({"positive": np.array([1])}, "columns of different lengths"),
    ],
)
def test_damaged_parts_are_refused(change, said):
    columns = {
        "anchor": np.array([0, 1]),
        "positive": np.array([1, 0]),
        "negative": np.array([50, 60]),
    } | change
    columns = {name: column for name, column in columns.items() if column is not None}
    with pytest.raises(ModelError) as caught:
        next(plan([lambda: columns]).batches())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "parts", [[], [lambda: {name: np.empty(0, np.int64) for name in ("anchor", "positive", "negative")}]]
)
def test_no_triplets_at_all_are_refused_instead_of_looping_for_ever(parts):
    with pytest.raises(ModelError, match="no stored triplets to train on"):
        next(plan(parts).batches())


def test_a_batch_must_hold_a_triplet():
    with pytest.raises(ModelError, match=r"batch_images is 2 but must be at least 3"):
        plan(parts_of(mined()), batch_images=2)
