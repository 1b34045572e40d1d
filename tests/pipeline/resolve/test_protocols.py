"""By which protocols a split is measured, and how many queries have a match, counted from the rows."""

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranking_oracles import slow_rankings
from tripletmine.pipeline.data.base import SPLITS
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.rows import RunRows
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.plan.stage import Asked
from tripletmine.pipeline.resolve.protocols import asked_in, check_validation, protocols_of
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.overview import overview
from tripletmine.pipeline.runfile.load import parse_spec

ROW = st.tuples(
    st.sampled_from(SPLITS),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=3),
    st.sampled_from(["query", "gallery", None]),
    st.sampled_from(["cam1", "cam2", None]),
)


def run_rows(rows) -> RunRows:
    """From (split, labels, role, group) of each row."""
    rows = sorted(rows, key=lambda row: SPLITS.index(row[0]))
    split, label, role, group = zip(*rows, strict=True)
    several = any(isinstance(each, list) for each in label)
    return RunRows(
        pa.table(
            {
                "row": pa.array(range(len(rows)), pa.int64()),
                "key": pa.array([str(row) for row in range(len(rows))]),
                "label": pa.array(label, pa.list_(pa.string()) if several else pa.string()),
                "split": pa.array(split, pa.string()),
                "role": pa.array(role, pa.string()),
                "group": pa.array(group, pa.string()),
                "source": pa.array(range(len(rows)), pa.int64()),
            }
        )
    )


def spec_of(base: Path = Path(), data=None, **sections):
    given = {"kind": "arrays", "path": "x.npy", "labels": "y.npy"} | (data or {})
    return parse_spec(
        {"run": {"name": "r", "epochs": 1}, "encoder": {"name": "mlp"}, "data": given, **sections}, base=base
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25))
def test_counts_are_those_of_a_ranking_of_every_query(listed):
    rows = run_rows(listed)
    asked = {each.name: each for each in asked_in(rows, spec_of())}
    for split in ("validation", "test"):
        sets = [set(each) for each in rows.labels(split)]
        cameras = np.array([{"cam1": 1, "cam2": 2, None: -1}[name] for name in rows.groups(split)])
        roles = rows.column("role", split).to_pylist()
        everyone = list(range(len(sets)))
        expected = {split: (everyone, everyone, True, np.full(len(sets), -1))}
        q, g = ([i for i, role in enumerate(roles) if role == each] for each in ("query", "gallery"))
        if q and g:
            expected[f"{split}_query_to_gallery"] = (q, g, False, cameras)
        elif (cameras >= 0).any():
            expected[f"{split}_across_groups"] = (everyone, everyone, True, cameras)
        names = {name for name in asked if name.startswith(split) and name != "test_against_train"}
        assert names == (set(expected) if sets else set())
        for name, (q, g, alone, groups) in expected.items() if sets else ():
            x = np.zeros((len(sets), 1))
            rankings = slow_rankings(
                x[q], [sets[i] for i in q], groups[q],
                x[g], [sets[i] for i in g], groups[g], alone,
            )  # fmt: skip
            answered = sum(any(ranking) for ranking in rankings)
            assert asked[name] == Asked(name, answered, len(rankings) - answered, len(g) - alone)


def test_the_training_split_is_a_gallery_of_closed_splits_only():
    rows = run_rows([("train", "a", None, None)] * 3 + [("test", name, None, None) for name in "ab"])
    assert asked_in(rows, spec_of())[-1] == Asked("test_against_train", 1, 1, 3)
    for spec in (
        spec_of(data={"split": "zero-shot"}),
        spec_of(evaluate={"train_gallery": False}),
        spec_of(evaluate={"test": "never"}),
    ):
        assert "test_against_train" not in [asked.name for asked in asked_in(rows, spec)]


@pytest.mark.parametrize(
    ("retrieval", "compared_with"), [("instances", "5 rows"), ("centroids", "2 class centroids")]
)
def test_what_each_query_is_compared_with_is_said(retrieval, compared_with):
    asked = [("test", name, "query", None) for name in "aax"]
    rows = run_rows(asked + [("test", name, "gallery", None) for name in "aaabb"])
    found = {each.name: each for each in asked_in(rows, spec_of(evaluate={"retrieval": retrieval}))}
    assert found["test_query_to_gallery"].described == (
        f"2 queries, each against {compared_with}; 1 more have no match and are left out"
    )


def test_queries_without_a_gallery_are_no_protocol():
    rows = run_rows([("test", "a", "query", None), ("test", "a", None, None)])
    assert protocols_of(rows, "test") == ()


def written(base: Path, labels) -> None:
    np.save(base / "x.npy", np.random.default_rng(0).normal(size=(len(labels), 6)).astype(np.float32))
    np.save(base / "y.npy", np.asarray(labels))


REFUSED = (
    r"(\d+|none) of the \d+ rows of the validation split have a match \(another of these rows with the same label\), "
    r"too few to choose the best epoch by: "
)
ZERO_SHOT = ('set data.split = "zero-shot"', {"split": "zero-shot"})


@pytest.mark.parametrize(
    ("classes", "rows", "remedies"),
    [
        (20, 2, [ZERO_SHOT]),
        (80, 3, [ZERO_SHOT, ("raise data.validation to 0.2", {"validation": 0.2})]),
        (20, 5, [ZERO_SHOT, ("raise data.validation to 0.5", {"validation": 0.5})]),
    ],
)
def test_a_validation_with_hardly_a_match_is_refused_before_the_run_and_its_remedies_work(
    tmp_path, classes, rows, remedies
):
    written(tmp_path, np.repeat(np.arange(classes), rows))
    spec = spec_of(tmp_path)
    message = REFUSED + re.escape(", or ".join(said for said, _ in remedies)) + "$"
    with pytest.raises(DataError, match=message):
        overview(spec)
    with pytest.raises(DataError, match=message), open_run(spec):
        pass
    for _, data in remedies:
        remedied = spec_of(tmp_path, data=data)
        found = overview(remedied).facts.protocols[0]
        assert found.queries >= 10 or found.queries > found.left_out
        with open_run(remedied) as run:
            assert run.facts.protocols[0] == found
        shutil.rmtree(remedied.root)


def test_a_run_that_has_begun_goes_on_with_few_queries_but_not_with_none():
    few, none = Asked("validation", 1, 30, 30), Asked("validation", 0, 30, 30)
    spec = spec_of(data={"kind": "digits", "path": None, "labels": None})
    digits = open_data(spec.data, Path())
    check_validation([few], digits, spec, begun=True)
    with pytest.raises(DataError, match=r"^1 of the 31 rows"):
        check_validation([few], digits, spec, begun=False)
    with pytest.raises(DataError, match=r"^none of the 30 rows"):
        check_validation([none], digits, spec, begun=True)


def test_rows_with_several_labels_match_where_the_second_meets(tmp_path):
    labels = [f"a{row // 2}|z{row % 3}" for row in range(240)]
    written(tmp_path, labels)
    asked = overview(spec_of(tmp_path, data={"label_separator": "|"})).facts.protocols[0]
    assert (asked.queries, asked.left_out) == (18, 0)
    assert asked.left_out == 0
    written(tmp_path, [label.split("|")[0] for label in labels])
    with pytest.raises(DataError, match=REFUSED):
        overview(spec_of(tmp_path))


def test_a_validation_split_of_the_data_set_can_only_be_mended_there(tmp_path):
    written(tmp_path, np.zeros(20))
    lines = [f"{row % 5},train" for row in range(15)] + [f"{row},val" for row in range(5)]
    (tmp_path / "l.csv").write_text("label,split\n" + "\n".join(lines) + "\n")
    with pytest.raises(DataError, match="by: give two or more rows of each class to the validation split"):
        overview(spec_of(tmp_path, data={"labels": "l.csv"}))
