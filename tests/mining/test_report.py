"""Reports add up and survive JSON."""

import json

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.guards import REFUSALS
from tripletmine.mining.report import ClassCounts, MiningReport, merge_reports


def report(scale):
    return MiningReport(
        anchors=10 * scale,
        anchors_excluded=1 * scale,
        anchors_without_neighbour_positive=3 * scale,
        anchors_without_positive=2 * scale,
        anchors_without_admissible_negative=1 * scale,
        entries=100 * scale,
        positives=30 * scale,
        positives_with_empty_interval=4 * scale,
        admissible=20 * scale,
        triplets=7 * scale,
        hinge=1.5 * scale,
        refused={name: at * scale for at, name in enumerate(REFUSALS, 1)},
        triplets_by_class=ClassCounts.of(np.array([scale, 9, 9], np.int32)),
    )


def test_every_field_adds_up():
    one, two, merged = (
        report(1).as_dict(),
        report(2).as_dict(),
        merge_reports([report(1), report(2)]).as_dict(),
    )
    by_class, refused = merged.pop("triplets_by_class"), merged.pop("refused")
    assert merged == {name: one[name] + two[name] for name in merged}
    assert refused == {name: at * 3 for at, name in enumerate(REFUSALS, 1)}
    assert by_class == {"class": [1, 2, 9], "triplets": [1, 1, 4]}


def test_shares():
    assert report(1).anchors_with_triplet == 6
    assert report(1).coverage == pytest.approx(6 / 9)
    assert report(1).mean_hinge == pytest.approx(1.5 / 7)


def test_json_and_back():
    text = json.dumps(report(3).counts())
    assert MiningReport.from_counts(json.loads(text)).counts() == report(3).counts()


def test_a_guard_that_is_younger_than_the_report_refused_nothing():
    plain = report(3).counts()
    del plain["refused"]["never_negative"]
    assert MiningReport.from_counts(plain).refused == {**report(3).refused, "never_negative": 0}


def test_no_parts():
    assert merge_reports([]).as_dict() == MiningReport().as_dict()


def test_a_report_of_another_version_is_refused():
    plain = report(1).counts()
    plain["rows"] = plain.pop("anchors")
    with pytest.raises(InputError, match="missing or unknown fields: anchors, rows"):
        MiningReport.from_counts(plain)
