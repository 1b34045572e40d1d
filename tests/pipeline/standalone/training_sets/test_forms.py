"""Mined triplets as rows that trainers take: each form, of a set small enough to read."""

import re
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.standalone.training_sets.forms import Form, in_form
from tripletmine.pipeline.standalone.training_sets.names import Names, given_names

QUERIES = [f"query {row}" for row in range(8)]
DOCUMENTS = [f"document {row}" for row in range(40)]

# Anchor 2 has two positives, of which document 31 comes first; 12 is a negative of both. Cosines are 1 - d² / 2.
TRIPLETS = [
    (2, 31, 12, 0.2, 0.4),
    (2, 30, 12, 0.1, 0.4),
    (2, 31, 13, 0.2, 0.5),
    (7, 9, 1, 0.6, 0.7),
]


def columns() -> dict[str, np.ndarray]:
    names = ("anchor", "positive", "negative", "sq_positive", "sq_negative")
    kinds = (np.int64, np.int64, np.int64, np.float32, np.float32)
    return {
        name: np.array(column, kind)
        for name, kind, column in zip(names, kinds, zip(*TRIPLETS, strict=True), strict=True)
    }


def names(texts: list[str], letter: str) -> Names:
    keys = given_names(None, None, len(texts), subject="keys").keys
    named = [f"{letter}{key}" for key in keys.to_pylist()]
    return Names.of(given_names(None, named, len(named), subject="keys").texts.cast("string"), None)


def made(form: Form, *, negatives: int = 2) -> tuple[list[dict[str, Any]], int]:
    """Rows by key: q2 is a query, d31 a document."""
    table, left_out = in_form(
        columns(), form, names(QUERIES, "q"), names(DOCUMENTS, "d"), negatives=negatives
    )
    return table.to_pylist(), left_out


def test_triplets() -> None:
    rows, left_out = made(Form("triplet", scores=True))
    assert rows[0] == {"anchor": "q2", "positive": "d31", "negative": "d12", "scores": [0.9, 0.8]}
    assert [row["negative"] for row in rows] == ["d12", "d12", "d13", "d1"]
    assert left_out == 0
    assert list(made(Form("triplet"))[0][3].values()) == ["q7", "d9", "d1"]


def test_tuples_have_all_their_negatives_or_are_counted() -> None:
    rows, left_out = made(Form("n-tuple", scores=True))
    assert rows == [
        {
            "anchor": "q2", "positive": "d31", "negative_1": "d12", "negative_2": "d13",
            "scores": [0.9, 0.8, 0.75],
        }
    ]  # fmt: skip
    assert left_out == 2
    assert made(Form("n-tuple", negatives=1))[0][1:] == [
        {"anchor": "q2", "positive": "d30", "negative_1": "d12"},
        {"anchor": "q7", "positive": "d9", "negative_1": "d1"},
    ]
    assert made(Form("n-tuple", negatives=3)) == ([], 3)


def test_labelled_pairs_have_each_passage_once() -> None:
    rows, _ = made(Form("labeled-pair"))
    assert [tuple(row.values()) for row in rows] == [
        ("q2", "d31", 1), ("q2", "d30", 1), ("q2", "d12", 0), ("q2", "d13", 0), ("q7", "d9", 1), ("q7", "d1", 0),
    ]  # fmt: skip
    rows, _ = made(Form("labeled-pair", scores=True))
    assert list(rows[0]) == ["anchor", "passage", "score"]
    assert [row["score"] for row in rows] == [0.9, 0.95, 0.8, 0.75, 0.7, 0.65]


def test_labelled_lists_are_of_pairs() -> None:
    rows, _ = made(Form("labeled-list"))
    assert rows == [
        {"anchor": "q2", "passages": ["d31", "d12", "d13"], "labels": [1, 0, 0]},
        {"anchor": "q2", "passages": ["d30", "d12"], "labels": [1, 0]},
        {"anchor": "q7", "passages": ["d9", "d1"], "labels": [1, 0]},
    ]
    assert made(Form("labeled-list", scores=True))[0][1]["scores"] == [0.95, 0.8]


def test_flag_embedding_has_all_of_a_query_in_a_row() -> None:
    rows, _ = made(Form("flagembedding", scores=True))
    assert rows == [
        {
            "query": "q2", "pos": ["d31", "d30"], "neg": ["d12", "d13"],
            "pos_scores": [0.9, 0.95], "neg_scores": [0.8, 0.75],
        },
        {"query": "q7", "pos": ["d9"], "neg": ["d1"], "pos_scores": [0.7], "neg_scores": [0.65]},
    ]  # fmt: skip
    assert list(made(Form("flagembedding"))[0][0]) == ["query", "pos", "neg"]


def test_tevatron_names_its_passages() -> None:
    queries = given_names(None, QUERIES, len(QUERIES), subject="queries")
    documents = given_names(None, DOCUMENTS, len(DOCUMENTS), subject="documents")
    table, _ = in_form(columns(), Form("tevatron", scores=True), queries, documents, negatives=1)
    assert table.to_pylist()[1] == {
        "query_id": "7",
        "query": "query 7",
        "positive_passages": [{"docid": "9", "text": "document 9", "score": 0.7}],
        "negative_passages": [{"docid": "1", "text": "document 1", "score": 0.65}],
    }
    assert [each["docid"] for each in table["negative_passages"][0].as_py()] == ["12", "13"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pairs",), "form is 'pairs' but must be one of triplet, n-tuple, labeled-pair"),
        (
            ("triplet", 2),
            "negatives is 2 but form is 'triplet', which has all that were mined: leave negatives out",
        ),
        (("n-tuple", 0), "negatives is 0 but must be at least 1"),
    ],
)
def test_what_is_no_form(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Form(*arguments)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float64 (60, 6)."""
    return np.random.default_rng(0).standard_normal((60, 6))


def test_sets_in_memory_have_all_forms(vectors) -> None:
    rule = tm.MiningRule(margin=1.0, negatives_per_positive=3)
    mined = tm.mine(vectors, np.arange(60) % 6, rule, normalise=True)
    texts = [f"text {row}" for row in range(60)]
    made = mined.training_set(texts=texts, scores=True)
    assert len(made) == len(mined) > 60
    first = made.table.to_pylist()[0]
    assert first["positive"] == texts[mined.columns["positive"][0]]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = [
        unit[mined.columns["anchor"][0]] @ unit[mined.columns[role][0]] for role in ("positive", "negative")
    ]
    np.testing.assert_allclose(first["scores"], cosines, atol=1e-6)
    tuples = mined.training_set("n-tuple")
    assert list(tuples.table.column_names)[-1] == "negative_3"
    pairs = np.stack([mined.columns[role] for role in ("anchor", "positive")], axis=1)
    assert len(tuples) + tuples.left_out == len(np.unique(pairs, axis=0))
    assert tuples.left_out > 0
    with pytest.raises(InputError, match=r"texts are 59 for 60 rows: give one for each, in the same order"):
        mined.training_set(texts=texts[1:])


def test_pairs_in_memory_have_texts_of_both_sides(vectors) -> None:
    mined = tm.mine_pairs(
        vectors[:10] + vectors[10:20] / 2, vectors, np.arange(20).reshape(2, 10).T, normalise=True
    )
    made = mined.training_set(
        "flagembedding",
        query_texts=[f"q {row}" for row in range(10)],
        corpus_texts=[f"d {row}" for row in range(60)],
    )
    assert len(made) == mined.report.anchors_with_triplet
    row = made.table.to_pylist()[0]
    anchor = mined.columns["anchor"][0]
    assert row["query"] == f"q {anchor}"
    assert row["pos"][0] == f"d {mined.columns['positive'][0]}"
    with pytest.raises(InputError, match="corpus_texts are 2 for 60 rows"):
        mined.training_set(corpus_texts=["a", "b"])
