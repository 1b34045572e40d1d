"""Vectors and labels in, triplets out."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tripletmine as tm
from tripletmine.mining.errors import InputError
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import COLUMNS
from tripletmine.mining.miner import mine as mine_table
from tripletmine.pipeline.standalone.triplet_set import TripletSet

ROWS, CLASSES = 240, 6
NAMES = ["ash", "elm", "fir", "oak", "pine", "yew"]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Overlapping classes of row % 6, float64 (240, 8), of any length."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((CLASSES, 8))
    return centres[np.arange(ROWS) % CLASSES] + random.standard_normal((ROWS, 8))


@pytest.fixture(scope="module")
def names() -> list[str]:
    """The class of each row."""
    return [NAMES[row % CLASSES] for row in range(ROWS)]


@pytest.fixture(scope="module")
def mined(vectors: np.ndarray, names: list[str]) -> TripletSet:
    """Mined with all defaults."""
    return tm.mine(vectors, names, normalise=True)


def test_one_call_mines_what_search_and_miner_give(vectors, names, mined: TripletSet) -> None:
    table = tm.neighbours(vectors, normalise=True)
    expected = mine_table(table, encode_labels(names), tm.MiningRule())
    assert list(mined.columns) == list(COLUMNS)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(mined.columns[name], column, err_msg=name)
    assert mined.report.as_dict() == expected.report.as_dict()
    assert mined.graph is not None
    assert mined.graph.recall == 1.0
    assert len(mined) == mined.report.triplets > ROWS
    assert repr(mined) == (
        f"TripletSet({len(mined):,} triplets of {mined.report.anchors_with_triplet} of 240 anchors, 6 classes, "
        "k_hardness = 1, margin = 0.2)"
    )


def test_tables_for_people_hold_the_labels_themselves(names, mined: TripletSet) -> None:
    frame = mined.to_pandas()
    assert isinstance(mined.to_arrow(), pa.Table)
    assert list(frame.columns) == list(COLUMNS)
    assert frame.anchor_label.tolist() == [names[row] for row in mined.columns["anchor"]]
    assert frame.negative_label.tolist() == [names[row] for row in mined.columns["negative"]]
    np.testing.assert_array_equal(frame.sq_negative, mined.columns["sq_negative"])


def test_labels_that_are_numbers_stay_numbers(vectors, mined: TripletSet) -> None:
    numbered = tm.mine(vectors, np.arange(ROWS) % CLASSES * 10, normalise=True)
    np.testing.assert_array_equal(numbered.columns["negative"], mined.columns["negative"])
    assert set(numbered.to_pandas().anchor_label) == {0, 10, 20, 30, 40, 50}


def test_large_numbers_stay_what_they_are(vectors) -> None:
    large = 2**63 + 1  # as in 64-bit hashes
    labels = np.array([0, 1, large], np.uint64)[np.arange(ROWS) % 3]
    found = tm.mine(vectors, labels, normalise=True)
    assert set(found.to_arrow()["anchor_label"].to_pylist()) == {0, 1, large}
    named = tm.suspects(vectors, labels, minimum_score=0.01, normalise=True).mislabelled["label"]
    assert set(named.tolist()) == {0, 1, large}


def test_labels_with_nul_are_not_cut(vectors) -> None:
    labels = [["\0a", "\0b"][row % 2] for row in range(ROWS)]
    found = tm.mine(vectors, labels, normalise=True)
    assert set(found.to_arrow()["anchor_label"].to_pylist()) == {"\0a", "\0b"}


@pytest.mark.parametrize(
    "form", [pd.Series, pa.array, tuple, np.array, lambda names: pd.Series(names, dtype="category")]
)
def test_labels_come_in_many_forms(form, vectors, names, mined: TripletSet) -> None:
    found = tm.mine(vectors, form(names), normalise=True)
    np.testing.assert_array_equal(found.columns["negative"], mined.columns["negative"])
    assert found.labels.names == tuple(NAMES)


def test_rows_with_several_labels(vectors) -> None:
    """Rows that share a label are never negatives of each other."""
    several = [{NAMES[row % CLASSES], NAMES[row % 5]} for row in range(ROWS)]
    found = tm.mine(vectors, several, normalise=True)
    anchors, negatives = found.columns["anchor"], found.columns["negative"]
    assert len(found)
    assert not any(several[a] & several[n] for a, n in zip(anchors, negatives, strict=True))
    assert tm.audit(found, vectors, several, normalise=True).ok


def test_a_table_serves_several_rules(vectors, names) -> None:
    table = tm.neighbours(vectors, 60, normalise=True)
    assert (table.ids.shape, table.neighbours, table.report.method) == ((ROWS, 60), 60, "exact")
    rule = tm.MiningRule(k_hardness=0.8, guards=tm.Guards(rank_window=(2, 50)))
    found = tm.mine(vectors, names, rule, neighbours=table, normalise=True)
    assert found.rule == rule
    assert found.columns["negative_rank"].min() >= 2
    searched = tm.mine(vectors, names, rule, neighbours=60, normalise=True)
    np.testing.assert_array_equal(found.columns["negative"], searched.columns["negative"])


def test_small_sets_have_as_many_neighbours_as_there_are(vectors) -> None:
    assert tm.neighbours(vectors[:5], normalise=True).ids.shape == (5, 4)
    assert tm.neighbours(vectors, normalise=True).ids.shape == (ROWS, 150)


def test_an_audit_finds_what_does_not_hold(vectors, names, mined: TripletSet) -> None:
    assert tm.audit(mined, vectors, normalise=True).checked == len(mined)
    assert tm.audit(mined.columns, vectors, names, mined.rule, normalise=True).ok
    swapped = mined.columns | {"positive": mined.columns["negative"], "negative": mined.columns["positive"]}
    found = tm.audit(swapped, vectors, names, mined.rule, normalise=True)
    assert found.violations["positive_label"].count == len(mined)


def test_an_audit_with_other_labels_compares_names_not_codes(vectors, names, mined: TripletSet) -> None:
    more = names.copy()
    more[0] = "aspen"  # sorts before the others' codes
    rows = np.stack([mined.columns[role] for role in ("anchor", "positive", "negative")])
    found = tm.audit(mined, vectors, more, normalise=True)
    assert set(found.violations) <= {"positive_label", "label_columns", "nearer_positive"}
    assert 0 < found.violations["label_columns"].count <= (rows == 0).any(axis=0).sum()


def test_suspects_are_named_and_may_be_left_out(vectors, names) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    tight = 0.2 * unit + np.eye(8)[np.arange(ROWS) % CLASSES]
    wrong = names.copy()
    wrong[7] = "yew"  # an elm
    found = tm.suspects(tight, wrong, normalise=True)
    assert found.mislabelled["row"].tolist() == [7]
    assert found.mislabelled["label"].tolist() == ["yew"]
    assert found.mislabelled["suggested_label"].tolist() == ["elm"]
    same = tm.suspects(tight, wrong, neighbours=tm.neighbours(tight, normalise=True), normalise=True)
    assert same.mislabelled["row"].tolist() == [7]
    rule = tm.MiningRule(k_hardness=0, margin=3)
    all_rows = tm.mine(tight, wrong, rule, normalise=True)
    rest = tm.mine(tight, wrong, rule, excluded=found.excluded(ROWS), normalise=True)
    assert 7 in all_rows.columns["anchor"]
    assert not any(7 in rest.columns[role] for role in ("anchor", "positive", "negative"))


def test_what_cannot_be_mined_is_named(vectors, names) -> None:
    with pytest.raises(InputError, match=r"vectors of length 1\.\d+ to 6\.\d+, .* pass normalise=True"):
        tm.mine(vectors, names)
    with pytest.raises(InputError, match="there are 3 labels for 240 vectors: give one for each"):
        tm.mine(vectors, names[:3], normalise=True)
    table = tm.neighbours(vectors, 10, normalise=True)
    with pytest.raises(InputError, match="the neighbour table has 240 rows, there are 100 vectors"):
        tm.mine(vectors[:100], names[:100], neighbours=table, normalise=True)
    with pytest.raises(InputError, match="method is 'hnsw', but neighbours is a table already"):
        tm.mine(vectors, names, neighbours=table, method="hnsw", normalise=True)
    with pytest.raises(InputError, match="rule is missing: columns alone do not say"):
        tm.audit({}, vectors, names, normalise=True)


def test_pairs_that_are_never_negatives(vectors, names, mined: TripletSet) -> None:
    pair = (int(mined.columns["negative"][0]), int(mined.columns["anchor"][0]))
    rest = tm.mine(vectors, names, normalise=True, never_negatives=[pair])
    assert rest.report.refused["never_negative"] > 0
    assert tm.audit(rest, vectors, normalise=True, never_negatives=[pair]).ok
    found = tm.audit(mined, vectors, normalise=True, never_negatives=[pair]).violations
    assert set(found) == {"never_negative"}
