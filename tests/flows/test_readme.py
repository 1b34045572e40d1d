"""The README's lines of Python do what they say: those that open a run's files, and those that mine arrays."""

from pathlib import Path

import duckdb
import numpy as np
import pandas
import polars
import pytest
from tripletmine.pipeline.resolve.protocols import AGAINST_TRAIN, BY_ROLE_AND_GROUP

README = (Path(__file__).parents[2] / "README.md").read_text()
LINES = [
    line.strip() for line in README.splitlines() if line.strip().startswith(("duckdb.", "polars.", "pandas."))
]
OPENERS = {"duckdb": duckdb, "polars": polars, "pandas": pandas}


def test_there_is_one_line_for_each():
    assert [line.partition(".")[0] for line in LINES] == ["duckdb", "polars", "pandas"]


def test_every_protocol_of_the_metrics_is_named():
    of_splits = [
        f"{split}{suffix}" for split in ("validation", "test") for suffix in ("", *BY_ROLE_AND_GROUP)
    ]
    assert [name for name in (AGAINST_TRAIN, *of_splits) if f"`{name}`" not in README] == []


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(".")[0])
def test_a_line_opens_the_files(line, finished):
    line = line.replace("runs/birds/epochs/0002", "runs/birds/epochs/0001")
    line = line.replace("runs/birds", str(finished.parent / "runs" / "tiny"))
    opened = eval(line, OPENERS)
    assert opened.shape[0] > 0
    assert {"anchor_label", "len"} <= set(opened.columns) or {"anchor", "sq_negative"} <= set(opened.columns)
    if line.startswith("pandas"):
        assert opened.key.notna().all()


def test_the_example_on_arrays_runs():
    block = next(block for block in README.split("\n\n    ") if block.startswith("import tripletmine as tm"))
    start = README.index(block)
    program = README[start : README.index("\n\nThe same with files", start)].replace("\n    ", "\n")
    random = np.random.default_rng(0)
    labels = np.arange(400) % 8
    names = {
        "vectors": random.standard_normal((8, 6))[labels] + random.standard_normal((400, 6)),
        "labels": labels,
    }
    exec(program, names)
    assert len(names["mined"]) > 400
    assert names["found"].ids.shape == (400, 150)
    assert names["harder"].rule.k_hardness == 0.8
