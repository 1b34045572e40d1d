"""A run's files open in other libraries, with the lines that the pages give."""

import ast
import re

import duckdb
import pandas
import polars
import pytest
from tripletmine.pipeline.resolve.protocols import AGAINST_TRAIN, BY_ROLE_AND_GROUP

from ..deploy.site.pages import pages, program

LINES = [ast.unparse(each) for each in ast.parse(program("deploy/site/results.md", "duckdb")).body]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(".")[0])
def test_a_line_opens_the_files(line, finished):
    line = line.replace("runs/birds/epochs/0002", "runs/birds/epochs/0001")
    line = line.replace("runs/birds", str(finished.parent / "runs" / "tiny"))
    opened = eval(line, {"duckdb": duckdb, "polars": polars, "pandas": pandas})
    assert opened.shape[0] > 0
    assert {"anchor_label", "len"} <= set(opened.columns) or {"anchor", "sq_negative"} <= set(opened.columns)
    if line.startswith("pandas"):
        assert opened.key.notna().all()


def test_each_library_has_a_line():
    assert [line.partition(".")[0] for line in LINES] == ["duckdb", "polars", "pandas"]


def test_every_protocol_of_the_metrics_is_named():
    text = pages()["deploy/site/results.md"]
    of_splits = [
        f"{split}{suffix}" for split in ("validation", "test") for suffix in ("", *BY_ROLE_AND_GROUP)
    ]
    assert [name for name in (AGAINST_TRAIN, *of_splits) if not re.search(rf"`{name}`", text)] == []
