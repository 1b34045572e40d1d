"""The teacher's bound, and the report of what it leaves."""

import numpy as np
import pytest
from oracles import exact_neighbours
from tripletmine.mining.errors import InputError
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.rescoring.bound import TeacherBound
from tripletmine.mining.rescoring.keep import keep_triplets
from tripletmine.mining.rule import MiningRule


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (TeacherBound(), [True, False, True, False]),
        (TeacherBound(relative_margin=0.0), [True, True, True, True]),
        (TeacherBound(relative_margin=0.0, absolute_margin=0.3), [False, False, True, False]),
    ],
)
def test_the_bound_lies_below_the_positive_whatever_its_sign(bound, expected):
    positive = np.array([2.0, 2.0, -1.0, -1.0])
    negative = np.array([1.8, 1.95, -1.4, -1.0])
    assert bound.admits(positive, negative).tolist() == expected


def test_a_bound_that_cannot_be_meant():
    with pytest.raises(InputError, match=r"relative_margin is 1\.5"):
        TeacherBound(relative_margin=1.5)


@pytest.mark.parametrize("several", [False, True])
def test_the_report_is_that_of_what_stays(several):
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(80, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = encode_labels(
        [{int(c), int(c * several + 1) % 5} if several else int(c) for c in rng.integers(0, 5, 80)]
    )
    rule = MiningRule(0.8)
    mined = mine(exact_neighbours(vectors, 30), labels, rule)
    stays = (mined.columns["anchor"] % 3 > 0) & (rng.random(len(mined)) < 0.7)
    kept = keep_triplets(mined, stays, rule, labels)
    assert len(kept) == stays.sum() == kept.report.triplets
    assert kept.report.refused == {**mined.report.refused, "teacher": int((~stays).sum())}
    assert kept.report.anchors_with_triplet == len(np.unique(mined.columns["anchor"][stays]))
    hinges = kept.columns["sq_positive"].astype(float) + rule.margin - kept.columns["sq_negative"]
    assert kept.report.hinge == pytest.approx(hinges.sum())
    everything = keep_triplets(mined, np.ones(len(mined), np.bool_), rule, labels).report
    assert everything.hinge == pytest.approx(mined.report.hinge)
    assert {**everything.as_dict(), "hinge": 0} == {**mined.report.as_dict(), "hinge": 0}
    by_class = kept.report.triplets_by_class
    anchor, positive = kept.columns["anchor"], kept.columns["positive"]
    expected = np.bincount(labels.all_shared(anchor, positive)[1], minlength=labels.classes)
    assert by_class.triplets.tolist() == expected[expected > 0].tolist()
