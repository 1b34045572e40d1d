"""Retrieval among training rows beside validation: which they are, and their figures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ranking_oracles import slow_figures, slow_rankings
from tripletmine.pipeline.artifacts.rows import read_rows_table
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.resolve.train_sample import train_sample

from ..runs import small_spec
from .test_evaluate_metrics import finished, spec_of, write_pictures, write_table


def test_its_figures_are_those_of_the_rows_drawn(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    write_table(tmp_path)
    run = finished(spec_of(tmp_path, train_sample=30))
    found = run.figures("epochs/0000/evaluate")
    assert found.keys() - {"train_sample"} == {
        "validation", "validation_across_groups", "test", "test_query_to_gallery",
    }  # fmt: skip
    assert "train_sample" not in run.figures("test")
    ids = train_sample(read_rows_table(run.spec.root / "rows.parquet"), run.spec)
    assert len(set(ids.tolist())) == 30
    side = run.side("train").without_groups()
    vectors, sets = side.vectors[ids], [side.sets[row] for row in ids]
    rows = (vectors, sets, side.groups[ids])
    expected, asked = slow_figures(slow_rankings(*rows, *rows, True))
    figures = found["train_sample"]
    assert figures["queries"] == asked
    for name in ("recall@1", "map_at_r", "mrr"):
        assert figures[name] == pytest.approx(expected[name], abs=1e-6), name


def test_rows_are_drawn_as_validation_is(tmp_path: Path) -> None:
    def drawn(split: str, count: int, seed: int = 0) -> tuple[np.ndarray, list[str], RunRows]:
        spec = small_spec(
            tmp_path, data={"split": split}, run={"seed": seed}, evaluate={"train_sample": count}
        )
        data = open_data(spec.data, tmp_path)
        rows = RunRows(build_rows(data, spec.data, seed=0))
        ids = train_sample(rows, spec)
        labels = rows.labels("train")
        return ids, [str(labels[row]) for row in ids], rows

    ids, labels, rows = drawn("closed", 300)
    assert len(set(ids.tolist())) == 300
    assert ids.max() < rows.n_train
    assert len(Counter(labels)) == 10
    ids, labels, rows = drawn("zero-shot", 300)
    sizes = rows.class_sizes("train")
    cut = [name for name, count in Counter(labels).items() if count < sizes[name]]
    assert len(labels) == 300
    assert len(cut) <= 1, "whole classes, but for the last"
    assert (ids == drawn("zero-shot", 300)[0]).all()
    assert len({tuple(drawn("zero-shot", 300, seed)[0]) for seed in range(5)}) > 1
    every, _, rows = drawn("closed", 10**6)
    assert every.tolist() == list(range(rows.n_train))
