"""The lines of the README with which people open a run's files do what they say."""

from pathlib import Path

import duckdb
import pandas
import polars
import pytest

README = Path(__file__).parents[2] / "README.md"
LINES = [
    line.strip()
    for line in README.read_text().splitlines()
    if line.strip().startswith(("duckdb.", "polars.", "pandas."))
]
OPENERS = {"duckdb": duckdb, "polars": polars, "pandas": pandas}


def test_there_is_one_line_for_each():
    assert [line.partition(".")[0] for line in LINES] == ["duckdb", "polars", "pandas"]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(".")[0])
def test_a_line_opens_the_files(line, finished):
    line = line.replace("runs/birds/epochs/0002", "runs/birds/epochs/0001")
    line = line.replace("runs/birds", str(finished.parent / "runs" / "tiny"))
    opened = eval(line, OPENERS)
    assert opened.shape[0] > 0
    assert {"anchor_label", "len"} <= set(opened.columns) or {"anchor", "sq_negative"} <= set(opened.columns)
    if line.startswith("pandas"):
        assert opened.key.notna().all()
