"""The short programs of the pages do what they say."""

from typing import Any

import numpy as np
import pytest
import tripletmine as tm

from .pages import program


def labelled() -> dict[str, Any]:
    """400 vectors of 8 classes."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 8
    centres = random.standard_normal((8, 6))[labels]
    return {"vectors": centres + random.standard_normal((400, 6)), "labels": labels}


def asked() -> dict[str, Any]:
    """60 queries, each near the one document of 300 that is relevant to it."""
    random = np.random.default_rng(0)
    corpus = random.standard_normal((300, 6))
    rows = np.arange(60)
    queries = corpus[:60] + random.standard_normal((60, 6))
    return {"queries": queries, "corpus": corpus, "relevant": np.stack([rows, rows], 1), "tm": tm}


def test_arrays_are_mined():
    names = labelled()
    exec(program("deploy/site/vectors.md", "tm.audit"), names)
    assert len(names["mined"]) > 400
    assert names["found"].ids.shape == (400, 150)
    assert names["harder"].rule.k_hardness == 0.8


def test_mined_triplets_train_an_encoder():
    import torch

    names = labelled()
    exec(program("deploy/site/vectors.md", "tm.audit"), names)
    names["features"] = torch.from_numpy(names["vectors"]).float()
    encoder = names["encoder"] = torch.nn.Linear(6, 4)
    names["optimiser"] = torch.optim.SGD(encoder.parameters(), 0.1)
    before = encoder.weight.detach().clone()
    exec(program("deploy/site/vectors.md", "TripletMarginLoss"), names)
    assert names["loss"].isfinite()
    assert not torch.equal(before, encoder.weight)
    stale = names["mined"]
    exec(program("deploy/site/vectors.md", "no_grad"), names)
    assert names["vectors"].shape == (400, 4)
    assert not np.array_equal(names["mined"].columns["sq_negative"], stale.columns["sq_negative"])


@pytest.mark.parametrize("page", ["README.md", "deploy/site/queries.md"])
def test_queries_are_mined(page):
    names = asked()
    exec(program(page, "tm.mine_pairs"), names)
    assert names["mined"].columns["negative"].max() >= 60


def test_a_query_gets_more_negatives_by_the_rule():
    names = asked()
    exec(program("deploy/site/queries.md", "negatives_per_positive"), names)
    assert np.bincount(names["mined"].columns["anchor"]).max() == 4
