"""Suspects against a loop, and on labels that were spoiled on purpose."""

import re
from collections import Counter

import numpy as np
import pytest
from oracles import exact_neighbours
from tripletmine.mining.errors import InputError
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.suspects import suspects


def clusters(rows=200, classes=8, spread=0.15, seed=0):
    rng = np.random.default_rng(seed)
    of_row = rng.integers(0, classes, rows)
    centres = rng.normal(size=(classes, 6))
    return (centres[of_row] + spread * rng.normal(size=(rows, 6))).astype(np.float32), of_row


def test_spoiled_labels_are_found_and_nothing_else():
    vectors, classes = clusters()
    spoiled = np.sort(np.random.default_rng(1).choice(200, 9, replace=False))
    given = classes.copy()
    given[spoiled] = (classes[spoiled] + 3) % 8
    labels = encode_labels(given)
    found = suspects(exact_neighbours(vectors, 30), labels).mislabelled
    assert sorted(found["row"].tolist()) == spoiled.tolist()
    assert [labels.names[c] for c in found["suggested_label"]] == classes[found["row"]].tolist()
    assert found["label"].tolist() == given[found["row"]].tolist()
    assert (np.diff(found["score"]) <= 0).all()


def test_the_same_thing_under_two_labels_is_found():
    vectors, classes = clusters()
    vectors[[3, 50]] = vectors[[120, 50]]
    vectors[120, 0] += 0.001
    labels = encode_labels(np.where(np.arange(200) == 3, 100, classes))
    found = suspects(exact_neighbours(vectors, 30), labels).false_negatives
    assert (found["row"][0], found["other"][0]) == (3, 120)
    assert found["score"][0] > 0.99
    assert labels.names[found["label"][0]] == 100


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("voters", [1, 5, 60])
def test_equals_the_loop(voters, multi):
    rng = np.random.default_rng(3)
    vectors = rng.integers(0, 4, (70, 3)).astype(np.float32)
    sets = [set(rng.integers(0, 12, rng.integers(1, 4) if multi else 1).tolist()) for _ in range(70)]
    sets[0] = {99}  # alone in its class
    labels = encode_labels(sets)
    table = exact_neighbours(vectors, 20)
    found = suspects(table, labels, voters=voters, minimum_score=0.2)
    code = {name: i for i, name in enumerate(labels.names)}
    rows, nearest = {}, {}
    for a in range(70):
        own = [bool(sets[a] & sets[n]) for n in table.ids[a]]
        nearest[a] = table.sq_distances[a][own.index(True) if True in own else -1]
        voted = table.ids[a][:voters]
        mates = sum(sum(c in s for s in sets) - 1 for c in sets[a])
        others = Counter(min(sets[n]) for n in voted if not sets[a] & sets[n])
        if mates and others:
            agreement = sum(own[:voters]) / min(len(voted), mates)
            suggested, count = others.most_common(1)[0]
            if np.float32(count / len(voted)) - np.float32(agreement) >= 0.2:
                rows[a] = (code[suggested], pytest.approx(count / len(voted) - agreement, abs=1e-6))
    columns = found.mislabelled
    assert {
        row: (label, score)
        for row, label, score in zip(
            *(columns[c].tolist() for c in ("row", "suggested_label", "score")), strict=True
        )
    } == rows
    pairs = {}
    for a in range(70):
        for n, sq in zip(table.ids[a][:voters], table.sq_distances[a], strict=False):
            reference = min(nearest[a], nearest[n])
            score = 1 - sq / reference if reference else 0.0
            if a < n and a in table.ids[n][:voters] and not sets[a] & sets[n] and score >= 0.2:
                pairs[a, n] = pytest.approx(score, abs=1e-6)
    columns = found.false_negatives
    keys = zip(columns["row"].tolist(), columns["other"].tolist(), strict=True)
    assert dict(zip(keys, columns["score"].tolist(), strict=True)) == pairs
    assert (np.diff(columns["score"]) <= 0).all()
    assert rows
    assert pairs or voters == 1


def test_excluded_from_mining():
    vectors, classes = clusters()
    given = classes.copy()
    given[[7, 90]] = (classes[[7, 90]] + 1) % 8
    labels, table = encode_labels(given), exact_neighbours(vectors, 40)
    found = suspects(table, labels)
    mask = found.excluded(200)
    assert np.flatnonzero(mask).tolist() == [7, 90]
    mined = mine(table, labels, MiningRule(0.9, margin=3.0, nearer_positive=False), excluded=mask)
    assert len(mined) > 0
    for name in ("anchor", "positive", "negative"):
        assert not np.isin(mined.columns[name], [7, 90]).any()
    everything = found.excluded(200, pairs=True)
    members = np.union1d(found.false_negatives["row"], found.false_negatives["other"])
    assert np.flatnonzero(everything).tolist() == np.union1d([7, 90], members).tolist()


def test_rows_without_neighbours_are_not_judged():
    none = NeighbourTable(np.full((3, 4), -1), np.full((3, 4), np.inf, np.float32))
    found = suspects(none, encode_labels([0, 0, 1]))
    assert len(found.mislabelled["row"]) == len(found.false_negatives["row"]) == 0


@pytest.mark.parametrize(
    ("rows", "values", "arguments", "message"),
    [
        (3, [0, 1, 0, 1], {}, "has 3 lines, but there are 4 labels"),
        (4, [0, 0, 0, 0], {}, "mining needs negatives"),
        (4, [0, 1, 0, 1], {"voters": 0}, "voters is 0"),
        (4, [0, 1, 0, 1], {"minimum_score": 0.0}, "minimum_score is 0.0"),
        (4, [0, 1, 0, 1], {"first": 4}, "ids from 0 to 4 for 4 labels"),
    ],
)
def test_what_cannot_be_searched(rows, values, arguments, message):
    ids = np.zeros((rows, 2), np.int64)
    ids[0] = arguments.pop("first", 1)
    with pytest.raises(InputError, match=re.escape(message)):
        suspects(NeighbourTable(ids, np.zeros((rows, 2), np.float32)), encode_labels(values), **arguments)


def test_lines_of_some_rows_are_judged_as_in_the_whole_table():
    vectors, classes = clusters()
    given = classes.copy()
    given[::17] = (classes[::17] + 3) % 8
    labels, table = encode_labels(given), exact_neighbours(vectors, 30)
    whole = suspects(table, labels, minimum_score=0.2)
    rows = np.flatnonzero(np.arange(200) % 3 > 0)
    some = suspects(
        NeighbourTable(table.ids[rows], table.sq_distances[rows]), labels, rows=rows, minimum_score=0.2
    )
    assert len(some.mislabelled["row"])
    assert len(some.false_negatives["row"])
    judged = np.isin(whole.mislabelled["row"], rows)
    both = np.isin(whole.false_negatives["row"], rows) & np.isin(whole.false_negatives["other"], rows)
    for name, values in whole.mislabelled.items():
        np.testing.assert_array_equal(some.mislabelled[name], values[judged])
    for name, values in whole.false_negatives.items():
        np.testing.assert_array_equal(some.false_negatives[name], values[both])


@pytest.mark.parametrize("rows", [[0, 1], [2, 1, 0], [0, 0, 1], [-1, 0, 1], [0, 1, 200]])
def test_rows_that_are_not_those_of_the_lines_are_refused(rows):
    vectors, classes = clusters()
    table = exact_neighbours(vectors, 30)
    some = NeighbourTable(table.ids[:3], table.sq_distances[:3])
    with pytest.raises(InputError, match="rows"):
        suspects(some, encode_labels(classes), rows=np.array(rows, np.int64))
