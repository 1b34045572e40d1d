import numpy as np
import pytest
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.settings import BatchShape
from tripletmine.models.errors import ModelError
from tripletmine.models.row_classes import RowClasses


def plan(classes, shape=BatchShape(4, 3), images=120, seed=0, epoch=0):  # noqa: B008 (frozen)
    return ClassBalanced(np.asarray(classes, np.int32), shape=shape, images=images, seed=seed, epoch=epoch)


def rows_of(found, start=0):
    return [batch.rows.tolist() for batch in found.batches(start)]


def test_every_batch_has_p_classes_of_m_different_rows():
    classes = np.repeat(np.arange(9), 7)
    found = plan(classes)
    assert found.steps == 10
    for batch in found.batches():
        assert len(set(batch.rows.tolist())) == 12
        np.testing.assert_array_equal(batch.classes, classes[batch.rows])
        assert np.bincount(batch.classes)[np.unique(batch.classes)].tolist() == [3, 3, 3, 3]
        assert batch.triplets is None


def test_fewer_classes_take_more_images_so_that_the_batch_stays_as_large():
    found = plan(np.repeat(np.arange(10), 60), shape=BatchShape(), images=380)
    assert found.shape == BatchShape(10, 38)
    (batch,) = found.batches()
    assert np.bincount(batch.classes).tolist() == [38] * 10


def test_all_classes_and_all_rows_of_a_class_come_equally_often():
    classes = np.repeat(np.arange(10), [6] * 5 + [9] * 5)
    seen = np.zeros(len(classes), int)
    for batch in plan(classes, images=12 * 55).batches():
        seen[batch.rows] += 1
    per_class = np.bincount(classes, weights=seen)
    assert per_class.max() - per_class.min() <= 3
    for code in range(10):
        assert np.ptp(seen[classes == code]) <= 1


def test_classes_with_few_rows_give_all_and_further_classes_fill_the_batch():
    classes = np.repeat(np.arange(20), 2)
    for batch in plan(classes).batches():
        assert len(batch) == 12
        assert len(np.unique(batch.classes)) == 6


def test_a_batch_is_never_larger_than_the_data_and_never_repeats_a_row():
    classes = np.repeat(np.arange(3), [2, 3, 2])
    for batch in plan(classes, shape=BatchShape(3, 4)).batches():
        assert sorted(batch.rows.tolist()) == list(range(7))


def test_classes_of_one_row_are_left_out_and_counted():
    found = plan([0, 0, 0, 1, 2, 2, 2, 4, 5, 5])
    assert found.skipped_classes == 2
    assert {1, 4}.isdisjoint(np.concatenate([batch.classes for batch in found.batches()]).tolist())


@pytest.mark.parametrize("start", [0, 1, 7, 10, 12])
def test_a_resume_at_a_step_gives_the_same_batches(start):
    classes = np.repeat(np.arange(9), 7)
    assert rows_of(plan(classes), start) == rows_of(plan(classes))[start:]


def test_seed_and_epoch_decide():
    classes = np.repeat(np.arange(9), 7)
    first = rows_of(plan(classes, seed=1, epoch=2))
    assert first == rows_of(plan(classes, seed=1, epoch=2))
    assert first != rows_of(plan(classes, seed=1, epoch=3))
    assert first != rows_of(plan(classes, seed=2, epoch=2))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: plan([0, 0, 0]), "has 1 classes of at least 2 rows"),
        (lambda: plan([0, 1, 2]), "has 0 classes of at least 2 rows"),
        (lambda: plan([0, 0, -1, 1, 1]), "code -1 but codes start at 0"),
        (lambda: plan([]), "N ≥ 1"),
        (lambda: plan([0, 0, 1, 1], images=0), "images is 0"),
        (lambda: BatchShape(1, 8), "classes_per_batch is 1 but must be at least 2"),
        (lambda: BatchShape(8, 1), "images_per_class is 1 but must be at least 2"),
    ],
)
def test_what_cannot_make_triplets_is_refused(make, said):
    with pytest.raises(ModelError) as caught:
        make()
    assert said in str(caught.value)


def with_random(classes, random_images, **others):
    shape = BatchShape(2, 4)
    return ClassBalanced(
        np.asarray(classes, np.int32), shape=shape, random_images=random_images, seed=0, epoch=0, **others
    )


def test_random_images_of_any_classes_come_beside_those_of_a_few():
    classes = np.repeat(np.arange(30), 10)
    found = with_random(classes, 12, images=300)
    assert found.steps == 15
    seen = np.zeros(len(classes), int)
    for batch in found.batches():
        assert len(set(batch.rows.tolist())) == 20
        of_classes, beside = batch.classes[:8], batch.rows[8:]
        assert sorted(np.bincount(of_classes)[np.unique(of_classes)]) == [4, 4]
        assert len(np.unique(classes[beside])) > 5
        seen[beside] += 1
    # 180 of 300 rows: none comes twice before the deck is used up, except for rows that a batch already held.
    assert seen.max() <= 2
    assert (seen > 0).sum() > 150


def test_random_images_do_not_depend_on_the_first_step_and_without_them_batches_are_as_before():
    classes = np.repeat(np.arange(8), 9)
    found = with_random(classes, 5, images=130)
    assert rows_of(found, 4) == rows_of(found)[4:]
    # Without random images, batches are as they were before this setting existed.
    assert rows_of(with_random(classes, 0, images=80)) == rows_of(
        plan(classes, shape=BatchShape(2, 4), images=80)
    )


def test_random_images_are_never_rows_that_are_alone_and_never_more_than_there_are():
    classes = [0] * 6 + [1] * 6 + [2, 3, 4]
    for batch in with_random(classes, 50, images=100).batches():
        assert sorted(batch.rows.tolist()) == list(range(12))
    assert {row for rows in rows_of(with_random(classes, 2, images=200)) for row in rows} == set(range(12))


def test_a_row_with_several_classes_comes_once_with_random_images_too():
    classes = RowClasses.of_sets([[row % 6, 6 + row % 2] for row in range(60)])
    found = ClassBalanced(classes, shape=BatchShape(3, 4), random_images=20, images=320, seed=0, epoch=0)
    for batch in found.batches():
        assert len(batch) == len(set(batch.rows.tolist())) == 32
