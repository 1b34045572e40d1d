"""Verification and recognition in a run: figures against the exported encoder, and lists of pairs that are refused."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from tripletmine.models.metrics.recognition import recognition
from tripletmine.models.metrics.verification import sampled_pairs
from tripletmine.models.row_classes import RowClasses
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.errors import DataError, SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import Job
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.stages.evaluation import metrics

from ..runs import finish
from .test_evaluate_metrics import (
    CLASSES,
    ROWS,
    Finished,
    Side,
    finished,
    spec_of,
    write_pictures,
    write_table,
)

Row = tuple[str, str, str]


def pairs_of(split: str, count: int = 60) -> list[Row]:
    """Pairs by the class that the pictures show, as many of each kind."""
    every = [(a, b, a % CLASSES == b % CLASSES) for a, b in combinations(range(ROWS[split]), 2)]
    chosen = [
        each for kind in (True, False) for each in [pair for pair in every if pair[2] == kind][: count // 2]
    ]
    return [(f"{split}{a}.png", f"{split}{b}.png", str(int(same))) for a, b, same in chosen]


def write_pairs(folder: Path, rows: Sequence[Sequence[str]], *, header: str = "key,other_key,same") -> Path:
    path = folder / "pairs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


def data_in(folder: Path) -> Path:
    write_pictures(folder)
    write_table(folder)
    return folder


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that draws its pairs, with recognition by three neighbours."""
    return finished(spec_of(data_in(tmp_path_factory.mktemp("sampled")), pairs=120, fars=[0.02, 0.2], knn=3))


def coded(side: Side) -> RowClasses:
    names = sorted(set().union(*side.sets))
    return RowClasses.of_sets([sorted(names.index(label) for label in own) for own in side.sets])


def sq_distances_of(side: Side, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.array([((side.vectors[a].astype(float) - side.vectors[b]) ** 2).sum() for a, b in pairs])


@pytest.mark.parametrize("split", ["validation", "test"])
def test_drawn_pairs_are_those_of_the_split_without_those_of_a_group(sampled: Finished, split: str) -> None:
    side = sampled.side(split)
    found = sampled.figures("epochs/0000/evaluate")[split]
    drawn = sampled_pairs(coded(side), 120, seed=0, groups=side.groups.astype(np.int32))
    assert drawn is not None
    for a, b, same in zip(drawn.first, drawn.second, drawn.same, strict=True):
        assert bool(side.sets[a] & side.sets[b]) == same
        assert not same or side.groups[a] < 0 or side.groups[a] != side.groups[b]
    assert found["verification_same"] == found["verification_different"] == drawn.same.sum()
    distances = sq_distances_of(side, list(zip(drawn.first, drawn.second, strict=True)))
    nearer = distances[drawn.same][:, None] < distances[~drawn.same]
    assert found["verification_auc"] == pytest.approx(nearer.mean(), abs=1e-3)
    bound = np.sort(distances[~drawn.same])[int(0.2 * drawn.same.sum())]
    assert found["tar@0.2"] == pytest.approx((distances[drawn.same] < bound).mean(), abs=0.02)
    assert 0.55 < found["verification_accuracy"] < 0.99


def test_recognition_is_measured_in_every_protocol(sampled: Finished) -> None:
    side = sampled.side("test")
    codes = coded(side)
    found = sampled.figures("test")
    assert found.keys() == {"test", "test_query_to_gallery", "test_against_train"}
    assert found["test"]["knn@3"] == pytest.approx(
        recognition(side.vectors, codes, neighbours=3).accuracy, abs=0.02
    )
    asking = np.flatnonzero(np.array(side.roles, object) == "query")
    asked = np.flatnonzero(np.array(side.roles, object) == "gallery")
    groups = side.groups.astype(np.int32)
    expected = recognition(
        side.vectors[asking],
        codes.take(asking),
        side.vectors[asked],
        codes.take(asked),
        neighbours=3,
        query_groups=groups[asking],
        gallery_groups=groups[asked],
    )
    assert found["test_query_to_gallery"]["knn@3"] == pytest.approx(expected.accuracy)
    assert 0.2 < found["test_against_train"]["knn@3"] <= 1


def test_listed_pairs_are_measured_and_other_ones_are_another_evaluation(tmp_path: Path) -> None:
    base = data_in(tmp_path)
    listed = pairs_of("test")
    write_pairs(
        base, [(*pair, str(place % 5)) for place, pair in enumerate(listed)], header="key,other_key,same,fold"
    )
    spec = spec_of(base, pairs_file="pairs.csv")
    run = finished(spec)
    assert "verification_accuracy" not in run.figures("epochs/0000/evaluate")["validation"]
    found = run.figures("test")["test"]
    keys = [f"test{row}.png" for row in range(ROWS["test"])]
    distances = sq_distances_of(run.side("test"), [(keys.index(a), keys.index(b)) for a, b, *_ in listed])
    same = np.array([each[2] == "1" for each in listed])
    nearer = (distances[same][:, None] < distances[~same]).mean()
    assert found["verification_auc"] == pytest.approx(nearer, abs=1e-3)
    assert (found["verification_same"], found["verification_different"]) == (30, 30)

    write_pairs(base, [(key, other, same) for key, other, same in listed[:-1]])
    with pytest.raises(StaleError, match=r"evaluate of epoch 0 .*pairs"):
        finish(spec)


def test_a_list_that_changes_while_the_run_is_at_work_is_said(tmp_path: Path) -> None:
    base = data_in(tmp_path)
    write_pairs(base, pairs_of("test"))
    spec = spec_of(base, pairs_file="pairs.csv")
    job = Job(spec.root, spec, describe_data(spec), StageRef(0, "evaluate"), {})
    rows = RunRows(build_rows(open_data(spec.data, base), spec.data, seed=0))
    vectors = np.random.default_rng(0).normal(size=(ROWS["test"], 4)).astype(np.float32)
    assert "verification_auc" in metrics._verified(job, rows, "test", vectors)
    write_pairs(base, pairs_of("test")[1:])
    with pytest.raises(StaleError, match=r"pairs_file = pairs\.csv has changed .* start it again"):
        metrics._verified(job, rows, "test", vectors)
    again = replace(job, facts=describe_data(spec))
    assert metrics._verified(again, rows, "test", vectors)["verification_same"] == 29


BROKEN: dict[str, tuple[Callable[[list[Row]], Sequence[Sequence[str]]], str]] = {
    "with itself": (lambda rows: [*rows, ("test3.png", "test3.png", "1")], "with itself in row 60"),
    "twice": (lambda rows: [*rows, rows[0]], "twice, in rows 0 and 60 (from 0): leave one"),
    "contradicting": (
        lambda rows: [*rows, (rows[0][1], rows[0][0], "0")],
        "twice, in rows 0 and 60 (from 0), once as the same class and once as different classes: leave one",
    ),
    "no such row": (
        lambda rows: [*rows, ("test0.png", "gone.png", "0")],
        "in 1 of 61 pairs the rows are neither both in validation nor both in the test, the first is "
        "'test0.png' (test) and 'gone.png' (no row) in row 60",
    ),
    "two splits": (lambda rows: [*rows, ("test0.png", "val0.png", "0")], "'val0.png' (validation)"),
    "a training row": (lambda rows: [*rows, ("train1.png", "train0.png", "0")], "'train1.png' (train)"),
    "no such kind": (lambda rows: [*rows, ("test0.png", "test1.png", "maybe")], "'maybe' as same in row 60"),
    "too few": (lambda rows: rows[:39], "30 pairs of one class and 9 of two"),
    "empty": (lambda rows: [*rows, ("test0.png", "", "0")], '1 empty cells in column "other_key"'),
}


@pytest.mark.parametrize(("broken", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_list_of_pairs_is_one_message(
    tmp_path: Path, broken: Callable[[list[Row]], Sequence[Sequence[str]]], says: str
) -> None:
    base = data_in(tmp_path)
    spec = spec_of(base, pairs_file="pairs.csv")
    rows = pairs_of("test")
    write_pairs(base, broken(rows))
    with pytest.raises(DataError) as caught:
        describe_data(spec)
    assert says in str(caught.value)
    write_pairs(base, rows)
    describe_data(spec)


def test_columns_and_folds_that_are_missing_are_said(tmp_path: Path) -> None:
    base = data_in(tmp_path)
    spec = spec_of(base, pairs_file="pairs.csv")
    rows = pairs_of("test")
    with pytest.raises(DataError, match=r"pairs\.csv"):
        describe_data(spec)
    write_pairs(base, rows, header="key,other_key,alike")
    with pytest.raises(DataError, match='has no column "same": a pair has key, other_key, same'):
        describe_data(spec)
    header = "key,other_key,same,fold"
    write_pairs(base, [(*row, "0") for row in rows], header=header)
    with pytest.raises(DataError, match="give two or more folds"):
        describe_data(spec)
    write_pairs(base, [(*row, "first") for row in rows], header=header)
    with pytest.raises(DataError, match="give whole numbers"):
        describe_data(spec)
    write_pairs(base, [(*row, str(place % 2)) for place, row in enumerate(rows)], header=header)
    describe_data(spec)


def test_pairs_are_drawn_or_listed() -> None:
    evaluation = {"pairs": 100, "pairs_file": "pairs.csv"}
    with pytest.raises(SpecError, match="remove one of them"):
        parse_spec({"data": {"kind": "digits"}, "evaluate": evaluation}, base=Path())
    for name, value in evaluation.items():
        parse_spec({"data": {"kind": "digits"}, "evaluate": {name: value}}, base=Path())
