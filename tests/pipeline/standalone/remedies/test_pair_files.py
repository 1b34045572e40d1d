"""The remedies in refusals of mining queries and documents from files work."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from remedies import Call, Refusal
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.errors import DataError

QUERIES, DOCUMENTS = 20, 60
CORPUS = np.random.default_rng(0).normal(size=(DOCUMENTS, 8)).astype(np.float32)
ASKED = CORPUS[:QUERIES] + 2 * np.random.default_rng(1).normal(size=(QUERIES, 8)).astype(np.float32)
APART = np.eye(DOCUMENTS)
FARTHER = -CORPUS[:QUERIES] + 0.5 * CORPUS[20 : 20 + QUERIES]
"""Queries that are far from their documents."""
PAIRS = "query,document\n" + "".join(f"q{row},d{row}\n" for row in range(QUERIES))
BY_ROW = "query_row,document_row\n" + "".join(f"{row},{row}\n" for row in range(QUERIES))
MIXED = "query_row,document\n" + "".join(f"{row},d{row}\n" for row in range(QUERIES))
GRADED = "query,document,grade\n" + "".join(f"q{row},d{row},1\n" for row in range(QUERIES))
GROUPED = tm.MiningRule(guards=tm.Guards(same_group="never-negative"))


def side(name: str, letter: str, vectors: np.ndarray, groups: Any) -> None:
    columns: dict[str, Any] = {
        "key": [f"{letter}{row}" for row in range(len(vectors))],
        "embedding": list(vectors.astype(np.float32)),
    }
    if groups is not None:
        columns["group"] = [groups] * len(vectors)
    pq.write_table(pa.table(columns), name)


def mine(
    pairs: str = PAIRS,
    queries: np.ndarray = ASKED,
    corpus: np.ndarray = CORPUS,
    groups: tuple[Any, Any] = (None, None),
    **options: Any,
) -> Call:
    def mined() -> None:
        shutil.rmtree("out", ignore_errors=True)
        side("queries.parquet", "q", queries, groups[0])
        side("corpus.parquet", "d", corpus, groups[1])
        Path("pairs.csv").write_text(pairs)
        given = {"normalise": True, "threads": 1, "method": "exact"} | options
        tm.mine_pair_files("queries.parquet", "corpus.parquet", "pairs.csv", "out", **given)

    return mined


REFUSALS = {
    "no group": Refusal(
        mine(rule=GROUPED, groups=("page", None)),
        "corpus.parquet has no column group, which --same-group asks for: add it, or leave --same-group out",
        mine(rule=GROUPED, groups=("page", "book")),
        mine(groups=("page", None)),
    ),
    "groups of two kinds": Refusal(
        mine(rule=GROUPED, groups=("page", 7)),
        "column group: groups mix integers and strings",
        mine(rule=GROUPED, groups=(6, 7)),
        mine(rule=GROUPED, groups=("page", "7")),
    ),
    "pairs of other files": Refusal(
        mine("query,document\nx0,y0\n"), "give the pairs of these queries and documents", mine()
    ),
    "no name of queries": Refusal(
        mine(PAIRS.replace("query", "question", 1)),
        "call the column with the query's key query, or that with its row, from 0, query_row",
        mine(),
        mine(MIXED),
    ),
    "no name of documents": Refusal(
        mine(PAIRS.replace("document", "answer", 1)),
        "call the column with the document's key document, or that with its row, from 0, document_row",
        mine(),
        mine(BY_ROW),
    ),
    "an empty cell": Refusal(
        mine(PAIRS + "q0,\n"), 'column "document" has 1 empty cells: leave these pairs out', mine()
    ),
    "rows that are no numbers": Refusal(
        mine(BY_ROW + "q1,1\n"), "has a value that is not a row", mine(BY_ROW)
    ),
    "two columns of grades": Refusal(
        mine(GRADED.replace("grade", "grade,score", 1).replace(",1\n", ",1,1\n")),
        "has the columns grade and score: leave one of them",
        mine(GRADED),
        mine(GRADED.replace("grade", "score")),
    ),
    "grades in words": Refusal(
        mine(GRADED.replace(",1\n", ",good\n")),
        "give grades as numbers, above 0 for relevant",
        mine(GRADED),
    ),
    "nothing relevant": Refusal(
        mine(GRADED.replace(",1\n", ",0\n")),
        "give pairs with grades above 0, or without grades",
        mine(GRADED),
        mine(PAIRS),
    ),
    "two widths": Refusal(mine(queries=ASKED[:, :6]), "of width 8: embed both with one model", mine()),
    "no key of its own": Refusal(
        lambda: (
            mine()(),
            pq.write_table(
                pa.table({"key": ["d0"] * DOCUMENTS, "embedding": list(CORPUS)}), "corpus.parquet"
            ),
            tm.mine_pair_files("queries.parquet", "corpus.parquet", "pairs.csv", "other", normalise=True),
        ),
        "but keys must be unique: list each item once",
        mine(),
    ),
    "negatives too far": Refusal(
        mine(queries=APART[:QUERIES], corpus=APART, neighbours=20),
        "20 of 20 queries with a relevant document have no negative that the rule admits: a larger --margin admits "
        "farther ones",
        mine(queries=APART[:QUERIES], corpus=APART, neighbours=20, rule=tm.MiningRule(margin=2.5)),
    ),
    "negatives too near": Refusal(
        mine(neighbours=40, rule=tm.MiningRule(k_hardness=50.0)),
        "a smaller --k-hardness nearer ones (below 1, --any-negative also those nearer than every positive), more "
        "--neighbours other ones",
        mine(neighbours=40, rule=tm.MiningRule(k_hardness=1.0)),
    ),
    "negatives nearer than every positive": Refusal(
        mine(neighbours=2, queries=FARTHER, rule=tm.MiningRule(k_hardness=0.1)),
        "(below 1, --any-negative also those nearer than every positive), more --neighbours other ones",
        mine(neighbours=2, queries=FARTHER, rule=tm.MiningRule(k_hardness=0.1, nearer_positive=False)),
        mine(neighbours=DOCUMENTS, queries=FARTHER, rule=tm.MiningRule(k_hardness=0.1)),
    ),
    "guards": Refusal(
        mine(rule=tm.MiningRule(guards=tm.Guards(minimum_sq=3.99))),
        "by --minimum-sq and --maximum-sq (lower the one, or raise the other)",
        mine(rule=tm.MiningRule(guards=tm.Guards(minimum_sq=0.1))),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require((DataError, InputError))
