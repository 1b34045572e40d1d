"""Whole runs whose loss scores labels: broken off and on Dask, and their figures from the files that they leave."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tripletmine import Encoder
from tripletmine.models.encoders.checkpoints import load_tensors
from tripletmine.models.label_decision import LEARNT
from tripletmine.models.metrics.multi_label import label_ranking_metrics
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ..labelled import NAMES, ROWS, labelled_spec, write_labelled
from ..runs import differences, finish, finish_broken


@pytest.mark.usefixtures("forked_workers")
def test_a_run_by_lsep_is_the_same_when_broken_off_and_on_dask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_labelled(tmp_path)
    # Centroids are means of vectors that are made unit length later; scores are of unit vectors all the same.
    changes: dict = {
        "encoder": {"normalise": True},
        "evaluate": {
            "retrieval": "centroids",
            "train_gallery": False,
            "pairs": 200,
            "fars": [0.05, 0.2],
            "knn": 3,
        },
    }
    whole, broken = (
        labelled_spec(tmp_path, run={"directory": name}, **changes) for name in ("whole", "broken")
    )
    on_dask = labelled_spec(
        tmp_path, run={"directory": "dask"}, cluster={"kind": "local", "workers": 2}, **changes
    )
    finish(whole)
    finish_broken(broken, monkeypatch, at_step=26)
    finish(on_dask)
    assert differences(whole.root, broken.root) == []
    assert differences(whole.root, on_dask.root) == []

    best = read_status(whole.root).best
    by_map = {epoch.number: epoch.validation["label_map"] for epoch in read_status(whole.root).epochs}
    assert best == max(by_map, key=by_map.__getitem__)
    found = json.loads((whole.root / "test" / "metrics.json").read_bytes())
    assert found.keys() == {"test"}  # no gallery of training rows was asked for
    check_figures(whole, best or 0, found["test"])


def check_figures(spec: RunSpec, epoch: int, found: dict) -> None:
    """Compare with scores of the test rows by hand: the exported encoder, and the head in the state of the epoch."""
    export_encoder(spec.root, Path(spec.base) / "encoder", epoch=epoch)
    with (Path(spec.base) / "labels.csv").open() as file:
        rows = [row["label"].split("|") for row in csv.DictReader(file)]
    labels = np.array([[name in row for name in NAMES] for row in rows])[-ROWS["test"] :]
    encoder, items = Encoder.load(Path(spec.base) / "encoder"), np.load(Path(spec.base) / "x.npy")
    vectors = encoder.encode(items[-ROWS["test"] :])
    state, _ = load_tensors(spec.root / f"epochs/{epoch:04d}/train/state.safetensors")
    head = {name: state[f"objective/terms.lsep.head.{name}"].numpy() for name in ("weight", "bias")}
    scores = vectors @ head["weight"].T + head["bias"]
    assert encoder.labels == NAMES
    np.testing.assert_allclose(encoder.score(items[-ROWS["test"] :]), scores, atol=1e-5)
    expected = label_ranking_metrics(scores, labels)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["label_map"] > 0.9
    assert found["label_rows_left_out"] == 0
    assert {"knn@3", "verification_accuracy", "tar@0.05", "tar@0.2"} <= found.keys()
    decided = found["decisions"]
    assert decided.keys() == {"count", "thresholds", "top_k", "one_threshold"}
    assert min(decided["count"]["exact_match"], decided["thresholds"]["exact_match"]) > 0.5
    wanted = [tuple(name for name in NAMES if name in row) for row in rows[-ROWS["test"] :]]
    for by in LEARNT:
        right = [
            own == each
            for own, each in zip(encoder.label(items[-ROWS["test"] :], by=by), wanted, strict=True)
        ]
        assert np.mean(right) == pytest.approx(decided[by]["exact_match"])
    assert decided["top_k"]["exact_match"] < 0.5  # rows have one to three labels
