"""Candidates for k are judged by what they would mine."""

import numpy as np
import pytest
from oracles import exact_neighbours
from tripletmine.mining.hardness.candidates import evaluate_candidates
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.rule import MiningRule


def test_each_candidate_is_mined():
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(200, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = encode_labels(rng.integers(0, 10, 200))
    table = exact_neighbours(vectors, 30)
    rows = np.sort(rng.choice(200, 50, replace=False))
    sample = NeighbourTable(table.ids[rows], table.sq_distances[rows])
    grid = (0.7, 0.9, 1.1, 3.0)
    found = evaluate_candidates(sample, labels, MiningRule(1.0, margin=0.1), grid, anchors=rows)
    assert [c.k_hardness for c in found] == list(grid)
    for candidate in found:
        columns = mine(table, labels, MiningRule(candidate.k_hardness, margin=0.1)).columns
        mined = np.isin(columns["anchor"], rows)
        hinge = (columns["sq_positive"].astype(float) + 0.1 - columns["sq_negative"])[mined]
        assert candidate.e_train == pytest.approx(hinge.mean() if len(hinge) else 0.0)
        assert candidate.coverage == len(np.unique(columns["anchor"][mined])) / 50
    assert found[0].e_train > found[2].e_train > 0, "the harder k must have the higher training error"
