"""Queries, documents and pairs as people have them: one message, or a decision that is counted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.standalone.pair_files.mine import MinedPairFiles
from tripletmine.pipeline.standalone.training_sets.forms import Form
from tripletmine.pipeline.standalone.triplet_export import export_triplets

QUERIES, DOCUMENTS = 12, 40
RULE = tm.MiningRule(0.0, margin=4.0, nearer_positive=False)


def write(path: Path, keys: list[str], vectors: np.ndarray) -> Path:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(pa.table({"key": keys, "text": keys, "vector": lists}), path)
    return path


def mined(
    folder: Path, queries: list[str], documents: list[str], pairs: list[tuple[str, str]], **options
) -> MinedPairFiles:
    """Mine texts that are their own keys; equal texts have equal vectors."""
    random = np.random.default_rng(0)
    vector_of = {
        text: random.standard_normal(6).astype(np.float32) for text in dict.fromkeys([*queries, *documents])
    }
    sides = {
        name: write(folder / f"{name}.parquet", texts, np.stack([vector_of[text] for text in texts]))
        for name, texts in (("queries", queries), ("corpus", documents))
    }
    pq.write_table(
        pa.table({"query": [query for query, _ in pairs], "document": [document for _, document in pairs]}),
        folder / "pairs.parquet",
    )
    return tm.mine_pair_files(
        **sides, relevant=folder / "pairs.parquet", out=folder / "mined", rule=RULE, normalise=True, **options
    )


def texts(letter: str, rows: int) -> list[str]:
    return [f"{letter} {row}" for row in range(rows)]


def test_queries_without_an_answer_and_answers_that_are_not_there_are_counted(tmp_path: Path) -> None:
    queries, documents = texts("q", QUERIES), texts("d", DOCUMENTS)
    pairs = [*zip(queries[:9], documents, strict=False), ("q 0", "d 99"), ("q 11", "d 98"), ("q 77", "d 1")]
    found = mined(tmp_path, queries, documents, pairs)
    assert found.left_out == {"without query": 1, "without document": 2}
    assert "3 of 12 queries have no relevant document, and are left out" in found.remarks
    assert set(tm.read_pairs(found.folder).columns["anchor"].tolist()) == set(range(9))


def test_a_text_that_is_query_and_document_is_found_by_its_key(tmp_path: Path) -> None:
    documents = texts("d", DOCUMENTS)
    queries = [*documents[:3], *texts("q", 5)]
    pairs = [(query, documents[row + 9]) for row, query in enumerate(queries)]
    found = mined(tmp_path, queries, documents, pairs)
    assert any("3 queries have the key of a document" in remark for remark in found.remarks)
    columns = tm.read_pairs(found.folder).columns
    assert not ((columns["anchor"] == columns["negative"]) & (columns["anchor"] < 3)).any(), (
        "a copy is no negative"
    )
    (tmp_path / "again").mkdir()
    same = mined(tmp_path / "again", queries, documents, pairs, same_items=True)
    assert not any("have the key of a document" in remark for remark in same.remarks)


def test_a_text_of_a_million_characters_is_a_key_and_a_text_like_others(tmp_path: Path) -> None:
    long = "ß" * 10**6
    queries, documents = [long, *texts("q", QUERIES)], texts("d", DOCUMENTS)
    found = mined(tmp_path, queries, documents, list(zip(queries, documents, strict=False)))
    out = tmp_path / "t.parquet"
    export_triplets(found.folder, out, Form("flagembedding"))
    assert pq.read_table(out)["query"][0].as_py() == long


@pytest.mark.parametrize(
    ("queries", "documents", "pairs", "message"),
    [
        (["", *texts("q", 3)], texts("d", 9), [("q 0", "d 0")], "queries.parquet has 1 rows without a key"),
        (
            texts("q", 3),
            ["d 1", " ", *texts("e", 9)],
            [("q 0", "d 1")],
            "corpus.parquet has 1 rows without a key",
        ),
        (texts("q", 3), texts("d", 9), [("q 0", "")], 'column "document" has 1 empty cells'),
        (texts("q", 3), texts("d", 9), [("a", "b"), ("c", "d")], "none of the 2 pairs is of these files"),
        (texts("q", 3), texts("d", 9), [("q 1", "b")], "1 name a query that is there; none names a document"),
    ],
)
def test_what_cannot_be_meant_is_one_message(queries, documents, pairs, message, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        mined(tmp_path, queries, documents, pairs)
    assert not (tmp_path / "mined").exists()
