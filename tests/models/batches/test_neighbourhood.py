import numpy as np
import pytest
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.errors import ModelError

GROUPS = 25
"""Classes 4g … 4g + 3 are confused with one another and with no others."""
CLASSES = np.repeat(np.arange(4 * GROUPS), 10).astype(np.int32)


def confusion(groups=GROUPS, count=5):
    pairs = [(4 * g + a, 4 * g + b) for g in range(groups) for a in range(4) for b in range(4) if a != b]
    a, b = np.array(pairs, np.int32).T
    return {"class_a": a, "class_b": b, "count": np.full(len(a), count, np.int64)}


def plan(
    classes=CLASSES, anchors=None, table=None, shape=(8, 4), random_share=0.0, images=32 * 50, seed=0, epoch=0
):
    return Neighbourhood(
        classes,
        np.ones(len(classes), np.int64) if anchors is None else anchors,
        confusion() if table is None else table,
        settings=NeighbourhoodSettings(BatchShape(*shape), random_share),
        images=images,
        seed=seed,
        epoch=epoch,
    )


def rows_of(found, start=0):
    return [batch.rows.tolist() for batch in found.batches(start)]


def confused_share(found):
    """Share of the pairs of classes that meet in a batch and belong to one group."""
    together = pairs = 0
    for batch in found.batches():
        codes = np.unique(batch.classes)
        group = codes // 4
        together += (group[:, None] == group).sum() - len(codes)
        pairs += len(codes) * (len(codes) - 1)
    return together / pairs


def test_a_batch_has_p_classes_of_m_different_rows():
    found = plan()
    assert found.steps == 50
    for batch in found.batches():
        assert len(set(batch.rows.tolist())) == 32
        assert np.bincount(batch.classes)[np.unique(batch.classes)].tolist() == [4] * 8
        np.testing.assert_array_equal(batch.classes, CLASSES[batch.rows])


def test_confused_classes_meet_far_more_often_than_by_chance():
    walked, drawn = confused_share(plan()), confused_share(plan(random_share=1.0))
    # At best, 3 of the 7 other classes in a batch belong to the same group: 0.43; by chance, 3 / 99 = 0.03.
    assert walked > 0.2, f"walked {walked:.3f}, drawn at random {drawn:.3f}"
    assert drawn < 0.06, f"walked {walked:.3f}, drawn at random {drawn:.3f}"


@pytest.mark.parametrize("random_share", [0.0, 0.25, 1.0])
def test_anchors_are_visited_about_equally_often_although_some_classes_are_hubs(random_share):
    table = confusion()
    star = {"class_a": np.zeros(99, np.int32), "class_b": np.arange(1, 100), "count": np.full(99, 1000)}
    table = {name: np.concatenate([table[name], star[name]]) for name in table}
    seen = np.zeros(len(CLASSES), int)
    for batch in plan(table=table, random_share=random_share, images=10 * len(CLASSES)).batches():
        seen[batch.rows] += 1
    assert 7 <= seen.min() <= seen.max() <= 13, (seen.min(), seen.max())


def test_classes_with_more_mined_anchors_are_visited_more_often():
    classes = np.repeat(np.arange(40), np.tile([8, 40], 20)).astype(np.int32)
    table = {"class_a": np.arange(39), "class_b": np.arange(1, 40), "count": np.ones(39, np.int64)}
    seen = np.zeros(len(classes), int)
    for batch in plan(classes, table=table, images=12 * len(classes)).batches():
        seen[batch.rows] += 1
    assert 9 <= seen.min() <= seen.max() <= 15, (seen.min(), seen.max())


def test_mined_rows_come_before_the_others_of_their_class():
    anchors = np.tile([3, 0, 0, 1, 0, 0, 0, 2, 0, 0], 4 * GROUPS)  # 3 of 10 rows
    for batch in plan(anchors=anchors).batches():
        mined = anchors[batch.rows] > 0
        assert np.bincount(batch.classes[mined])[np.unique(batch.classes)].tolist() == [3] * 8
        assert len(batch) == 32


def test_classes_with_few_rows_give_all_and_further_classes_fill_the_batch():
    classes = np.repeat(np.arange(4 * GROUPS), 2).astype(np.int32)
    for batch in plan(classes).batches():
        assert len(set(batch.rows.tolist())) == 32
        assert len(np.unique(batch.classes)) == 16


def test_fewer_classes_take_more_images():
    classes = np.repeat(np.arange(10), 60).astype(np.int32)
    table = {"class_a": np.array([0, 1]), "class_b": np.array([2, 3]), "count": np.array([5, 5])}
    found = plan(classes, table=table, shape=(48, 8), images=380 * 3)
    for batch in found.batches():
        assert np.bincount(batch.classes).tolist() == [38] * 10


def test_classes_of_one_row_are_left_out_and_counted():
    classes = np.append(CLASSES, np.arange(100, 103)).astype(np.int32)
    found = plan(classes)
    assert found.skipped_classes == 3
    assert max(batch.classes.max() for batch in found.batches()) < 100


def test_without_any_confusion_batches_are_random_classes():
    empty = {name: np.empty(0, np.int64) for name in ("class_a", "class_b", "count")}
    found = plan(table=empty)
    assert len(list(found.batches())) == 50
    assert confused_share(found) < 0.06


@pytest.mark.parametrize("start", [1, 17, 50])
def test_a_resume_at_a_step_gives_the_same_batches(start):
    assert rows_of(plan(random_share=0.25), start) == rows_of(plan(random_share=0.25))[start:]


def test_seed_and_epoch_decide():
    first = rows_of(plan(seed=1, epoch=2))
    assert first == rows_of(plan(seed=1, epoch=2))
    assert first != rows_of(plan(seed=1, epoch=3))
    assert first != rows_of(plan(seed=2, epoch=2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"anchors": np.ones(3, np.int64)},
            "anchor_triplets has shape (3,) but the training set has 1000 rows",
        ),
        ({"anchors": np.zeros(1000, np.int64)}, "no row has a mined triplet"),
        ({"table": {"class_a": np.array([0]), "class_b": np.array([1])}}, "has no column 'count'"),
        ({"table": confusion(GROUPS + 1)}, "class_a from 0 to 103 but the classes are 0 to 99"),
        ({"random_share": 1.5}, "random_share is 1.5"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(ModelError) as caught:
        plan(**arguments)
    assert said in str(caught.value)
