"""Whole runs whose loss scores items: broken off and on Dask, and their figures from the files that they leave."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tripletmine import Encoder
from tripletmine.models.encoders.checkpoints import load_tensors
from tripletmine.pipeline.errors import StaleError
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ..ranked import ITEMS, SEGMENTS, ranked_spec, write_ranked
from ..runs import differences, finish, finish_broken


def test_a_run_by_ranking_is_the_same_when_broken_off_and_on_dask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ranked(tmp_path)
    whole, broken = (ranked_spec(tmp_path, run={"directory": name}) for name in ("whole", "broken"))
    on_dask = ranked_spec(tmp_path, run={"directory": "dask"}, cluster={"kind": "local", "workers": 2})
    finish(whole)
    finish_broken(broken, monkeypatch, at_step=26)
    finish(on_dask)
    assert differences(whole.root, broken.root) == []
    assert differences(whole.root, on_dask.root) == []
    assert all(not found.problems for found in verify_run(whole.root))

    status = read_status(whole.root)
    by_accuracy = {epoch.number: epoch.validation["pair_accuracy"] for epoch in status.epochs}
    assert status.best == max(by_accuracy, key=by_accuracy.__getitem__)
    check_mined(whole)
    check_figures(whole, status.best or 0)


def check_mined(spec: RunSpec) -> None:
    """Derive the pairs of the last epoch from its scores: all that violate the margin, except those that k leaves
    out."""
    folder = spec.root / "epochs" / "0002" / "mine"
    report = json.loads((folder / "manifest.json").read_bytes())["report"]
    scores = pq.read_table(folder / "scores.parquet")["score"].to_numpy()
    items = [item for item, split in rows_of(spec) if split == "train"]
    pairs = {
        (row, other, line["relation"] == "like")
        for line in lines_of(spec, "pairs.csv")
        if line["first"].startswith("train")
        for row, other in zip(*(places(items, line[name]) for name in ordered(line)), strict=True)
    }
    costs = {
        (row, other, alike): abs(scores[row] - scores[other]) - 1
        if alike
        else 1 - scores[row] + scores[other]
        for row, other, alike in pairs
    }
    k = report["k_hardness"]
    expected = {pair for pair, cost in costs.items() if 0 < cost < 2 / k**2}
    mined = [pq.read_table(part) for part in sorted((folder / "pairs").glob("part-*.parquet"))]
    found = {row for part in mined for row in zip(*(part[name].to_pylist() for name in COLUMNS), strict=True)}
    assert len(mined) == 3
    assert 0 < len(found) == report["counts"]["pairs"]
    assert found <= expected
    per_row = {row: sum(pair[0] == row for pair in expected) for row, *_ in expected}
    assert len(found) == sum(min(8, count) for count in per_row.values())
    for row, count in per_row.items():
        if count > 8:  # the nearest scores
            gaps = sorted(abs(scores[row] - scores[other]) for first, other, _ in expected if first == row)
            taken = [abs(scores[row] - scores[other]) for first, other, _ in found if first == row]
            assert max(taken) <= gaps[7] * (1 + 1e-6)


COLUMNS = ("first", "second", "alike")


def check_figures(spec: RunSpec, epoch: int) -> None:
    """Compare with scores of the test items by hand: the exported encoder, the head in the state of the epoch, means of
    segments."""
    found = json.loads((spec.root / "test" / "metrics.json").read_bytes())
    assert found.keys() == {"test"}
    figures = found["test"]
    export_encoder(spec.root, Path(spec.base) / "encoder", epoch=epoch)
    encoder, items = Encoder.load(Path(spec.base) / "encoder"), np.load(Path(spec.base) / "x.npy")
    vectors = encoder.encode(items)
    state, _ = load_tensors(spec.root / f"epochs/{epoch:04d}/train/state.safetensors")
    weight, bias = (state[f"objective/terms.ranking.head.{name}"].numpy() for name in ("weight", "bias"))
    rows = (vectors @ weight.T + bias)[:, 0]
    np.testing.assert_allclose(encoder.score(items), rows, atol=1e-5)
    assert encoder.labels is None
    rows = rows.reshape(-1, SEGMENTS).mean(axis=1)
    scores = dict(zip(dict.fromkeys(item for item, _ in rows_of(spec)), rows.tolist(), strict=True))
    gaps = {
        relation: [
            scores[line["first"]] - scores[line["second"]]
            for line in lines_of(spec, "pairs.csv")
            if line["first"].startswith("test") and line["relation"] == relation
        ]
        for relation in ("better", "like")
    }
    assert figures["pairs"] == len(gaps["better"])
    assert figures["pair_accuracy"] == pytest.approx(np.mean(np.array(gaps["better"]) > 0))
    assert figures["violation_share"] == pytest.approx(np.mean(np.array(gaps["better"]) < 1))
    assert figures["alike_share"] == pytest.approx(np.mean(np.abs(gaps["like"]) <= 1))
    assert figures["items_with_value"] == ITEMS["test"]
    assert figures["pair_accuracy"] > 0.8
    assert figures["kendall_tau"] > 0.6


def test_regression_learns_the_values_and_mines_nothing(tmp_path: Path) -> None:
    write_ranked(tmp_path)
    spec = ranked_spec(tmp_path, loss={"weights": {"value_regression": 1}})
    finish(spec)
    assert not list(spec.root.glob("epochs/*/mine"))
    assert json.loads((spec.root / "test" / "metrics.json").read_bytes())["test"]["kendall_tau"] > 0.6


def test_other_pairs_are_refused_until_the_run_is_done_again(tmp_path: Path) -> None:
    write_ranked(tmp_path)
    spec = ranked_spec(tmp_path)
    finish(spec)
    path = tmp_path / "pairs.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]))  # another order says the same
    assert all(result.skipped for result in finish(spec))
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(StaleError, match=r"made with ranking = .*redo it with --from-stage train --epoch 0"):
        finish(spec)


def rows_of(spec: RunSpec) -> list[tuple[str, str]]:
    return [(line["label"], line["split"]) for line in lines_of(spec, "rows.csv")]


def lines_of(spec: RunSpec, name: str) -> list[dict[str, str]]:
    with (Path(spec.base) / name).open() as file:
        return list(csv.DictReader(file))


def ordered(line: dict[str, str]) -> tuple[str, str]:
    """Of two that are alike the first by name is the first of the pair."""
    swapped = line["relation"] == "like" and line["second"] < line["first"]
    return ("second", "first") if swapped else ("first", "second")


def places(items: list[str], item: str) -> list[int]:
    return [place for place, name in enumerate(items) if name == item]
