"""`mine_hard_negatives` from a data set to a data set, with a small model and a stand-in for `datasets`."""

import inspect
import logging
import re
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.standalone.hard_negatives.mine import mine_hard_negatives

ANGLES = {"q": 0.0, "r": 90.0, "p": 10.0, "p2": 30.0, "near": 20.0, "far": 60.0, "back": 175.0}
"""Texts as directions: the cosine of two is that of the angle between."""

PAIRS = {"query": ["q", "r", "q"], "positive": ["p", "far", "p2"]}
CORPUS = ["near", "back", "p"]


class Dataset(dict[str, list[Any]]):
    """As much of a `datasets.Dataset` as is needed."""

    @property
    def column_names(self) -> list[str]:
        return list(self)

    @classmethod
    def from_dict(cls, columns: dict[str, list[Any]]) -> "Dataset":
        assert len({len(column) for column in columns.values()}) == 1
        return cls(columns)


class Model:
    """Looks its texts up, and remembers what it was asked."""

    def __init__(self) -> None:
        self.weights = np.zeros(3, np.float32)
        self.encoded: list[tuple[str, int, Any, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights}

    def _encode(self, side: str, texts: list[str], **options: Any) -> np.ndarray:
        assert options["normalize_embeddings"]
        assert options["convert_to_numpy"]
        self.encoded.append((side, len(texts), options["prompt_name"], options["prompt"]))
        angles = np.radians([ANGLES[text] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def encode_query(self, texts: list[str], **options: Any) -> np.ndarray:
        return self._encode("query", texts, **options)

    def encode_document(self, texts: list[str], **options: Any) -> np.ndarray:
        return self._encode("document", texts, **options)

    def similarity(self, queries: np.ndarray, corpus: np.ndarray) -> np.ndarray:
        return queries @ corpus.T

    def similarity_pairwise(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return (queries * documents).sum(axis=1)


@pytest.fixture(autouse=True)
def datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(Dataset=Dataset))


def mined(model: Model | None = None, dataset: Any = None, **arguments: Any) -> Dataset:
    pairs = Dataset(PAIRS) if dataset is None else dataset
    given: dict[str, Any] = {"corpus": CORPUS, "num_negatives": 2, "verbose": False} | arguments
    return mine_hard_negatives(pairs, model or Model(), **given)  # type: ignore[arg-type]


def cos(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def test_it_takes_the_place_of_theirs():
    home = import_module("tripletmine.compat.sentence_transformers")
    assert home.mine_hard_negatives is mine_hard_negatives
    parameters = inspect.signature(mine_hard_negatives).parameters
    assert list(parameters)[:6] == [
        "dataset",
        "model",
        "anchor_column_name",
        "positive_column_name",
        "corpus",
        "cross_encoder",
    ]
    theirs = {name: each.default for name, each in parameters.items() if each.kind.name != "KEYWORD_ONLY"}
    assert len(theirs) == 29
    assert set(parameters) - set(theirs) == {"method", "seed"}
    assert (theirs["num_negatives"], theirs["output_format"], theirs["batch_size"]) == (3, "triplet", 32)


def test_triplets():
    columns = mined(output_scores=True)
    rows = list(zip(*(columns[name] for name in ("query", "positive", "negative")), strict=True))
    assert rows == [
        ("q", "p", "near"),
        ("q", "p", "far"),
        ("q", "p2", "near"),
        ("q", "p2", "far"),
        ("r", "far", "p2"),
        ("r", "far", "near"),
    ]
    expected = [[10, 20], [10, 60], [30, 20], [30, 60], [30, 60], [30, 70]]
    np.testing.assert_allclose(columns["scores"], np.vectorize(cos)(expected), atol=1e-6)


def test_tuples_are_whole_or_left_out():
    columns = mined(output_format="n-tuple", max_score=cos(65), output_scores=True)
    assert dict(columns) == {
        "query": ["r"],
        "positive": ["far"],
        "negative_1": ["near"],
        "negative_2": ["p"],
        "scores": columns["scores"],
    }
    np.testing.assert_allclose(columns["scores"], [[cos(30), cos(70), cos(80)]], atol=1e-6)


@pytest.mark.parametrize("scores", [False, True])
def test_labelled_forms(scores):
    pairs = mined(output_format="labeled-pair", output_scores=scores)
    assert pairs["query"] == ["q"] * 4 + ["r"] * 3
    assert pairs["positive"] == ["p", "p2", "near", "far", "far", "p2", "near"]
    lists = mined(output_format="labeled-list", output_scores=scores)
    assert lists["query"] == ["q", "q", "r"]
    assert lists["positive"] == [["p", "near", "far"], ["p2", "near", "far"], ["far", "p2", "near"]]
    if scores:
        np.testing.assert_allclose(pairs["score"][:4], [cos(10), cos(30), cos(20), cos(60)], atol=1e-6)
        np.testing.assert_allclose(lists["scores"][1], [cos(30), cos(20), cos(60)], atol=1e-6)
    else:
        assert pairs["label"] == [1, 1, 0, 0, 1, 0, 0]
        assert lists["labels"] == [[1, 0, 0]] * 3


def test_the_lowest_positive_rules_the_margins(capsys):
    columns = mined(absolute_margin=0.0, verbose=True, num_negatives=3)
    assert [n for q, n in zip(columns["query"], columns["negative"], strict=True) if q == "q"] == [
        "far",
        "back",
    ] * 2
    said = capsys.readouterr().out
    assert "Candidates refused by absolute_margin = 0.0: 1." in said
    assert (
        "Could not find enough negatives for 2 of 9 rows. Consider adjusting the range_max and absolute_margin"
        in said
    )


def test_a_cross_encoder_has_its_say_where_a_bound_is_set():
    class Reversed:
        def predict(self, pairs: list[tuple[str, str]], **_: Any) -> np.ndarray:
            return np.array([ANGLES[document] / 180 for _, document in pairs])

    plain = mined(cross_encoder=Reversed())
    assert plain["negative"] == mined()["negative"]
    again = mined(cross_encoder=Reversed(), max_score=1.0)
    assert [n for q, n in zip(again["query"], again["negative"], strict=True) if q == "r"] == ["back", "p2"]


def test_positives_stay_where_they_are_asked_for(caplog):
    columns = mined(include_positives=True)
    assert columns["negative_1"] == ["p", "p", "far"]
    assert "output_format is 'n-tuple'" in caplog.text
    assert "bounds" not in caplog.text
    mined(include_positives=True, range_min=1)
    assert "the bounds that are set may refuse positives" in caplog.text


def test_a_text_that_is_query_and_document_is_no_negative_of_itself(capsys):
    columns = mined(corpus=["q", "r", "near"], verbose=True)
    pairs = list(zip(columns["query"], columns["negative"], strict=True))
    assert ("q", "q") not in pairs
    assert ("r", "r") not in pairs
    assert ("r", "q") not in pairs[:4]
    assert "2 of 2 queries are also documents" in capsys.readouterr().out


def test_texts_of_a_million_characters_and_of_none(monkeypatch):
    long = "x" * 10**6
    monkeypatch.setitem(ANGLES, long, 15.0)
    monkeypatch.setitem(ANGLES, "", 40.0)
    columns = mined(corpus=[*CORPUS, long, ""], num_negatives=3)
    assert columns["negative"][:3] == [long, "near", ""]


def test_texts_without_a_vector_are_counted(capsys):
    class Ignorant(Model):
        def _encode(self, side: str, texts: list[str], **options: Any) -> np.ndarray:
            vectors = super()._encode(side, texts, **options)
            vectors[[text == "near" for text in texts]] = 0
            return vectors

    mined(Ignorant(), verbose=True)
    assert "1 of 5 documents left out: the model knows none of their words." in capsys.readouterr().out


def test_a_vector_that_is_not_finite():
    class Broken(Model):
        def _encode(self, side: str, texts: list[str], **options: Any) -> np.ndarray:
            vectors = super()._encode(side, texts, **options)
            vectors[[text in ("near", "back") for text in texts]] = np.nan
            return vectors

    with pytest.raises(InputError, match=r"the vector of corpus 0, 'near', is not finite, nor are 1 others"):
        mined(Broken())


def test_vectors_are_kept_by_weights_prompts_and_texts(tmp_path):
    model = Model()
    first = mined(model, cache_folder=str(tmp_path))
    assert [side for side, *_ in model.encoded] == ["query", "document"]
    assert mined(model, cache_folder=str(tmp_path)) == first
    assert len(model.encoded) == 2
    model.weights[1] = 1e-3  # trained further
    mined(model, cache_folder=str(tmp_path))
    assert len(model.encoded) == 4
    mined(model, cache_folder=str(tmp_path), query_prompt="query: ")
    assert model.encoded[4:] == [("query", 2, None, "query: ")]
    mined(model, cache_folder=str(tmp_path), corpus=[*CORPUS, "r"])
    assert model.encoded[5:] == [("document", 6, None, None)]
    (broken,) = (path for path in tmp_path.iterdir() if path.stat().st_size == 128 + 6 * 2 * 4)
    broken.write_bytes(broken.read_bytes()[:-5])
    mined(model, cache_folder=str(tmp_path), corpus=[*CORPUS, "r"])
    assert model.encoded[6:] == [("document", 6, None, None)]


def test_a_model_without_weights_cannot_be_told_from_others(tmp_path, monkeypatch):
    monkeypatch.delattr(Model, "state_dict")
    with pytest.raises(
        InputError, match=re.escape("Model has no weights to tell its vectors by (state_dict)")
    ):
        mined(cache_folder=str(tmp_path))


def test_what_is_deprecated_is_said_and_done(caplog):
    with caplog.at_level(logging.WARNING):
        assert "negative_2" in mined(as_triplets=False)
        assert mined(margin=0.0) == mined(absolute_margin=0.0)
        assert mined(output_format="n-tuple-scores") == mined(output_format="n-tuple", output_scores=True)
    assert [record.message.split(" is deprecated")[0] for record in caplog.records] == [
        "as_triplets",
        "margin",
        "output_format='n-tuple-scores'",
    ]


@pytest.mark.parametrize(
    ("dataset", "arguments", "message"),
    [
        (
            None,
            {"output_format": "pairs"},
            "Invalid output_format: 'pairs': choose one of 'triplet', 'n-tuple'",
        ),
        (None, {"anchor_column_name": "quiry"}, "did you mean 'query'?"),
        (None, {"faiss_batch_size": 0}, "faiss_batch_size is 0, it must be at least 1"),
        (
            SimpleNamespace(column_names={"train": ["query"], "test": ["query"]}),
            {},
            "the dataset is a SimpleNamespace with the splits ['train', 'test']: give one of them, as dataset['train']",
        ),
    ],
)
def test_arguments_that_cannot_be_used(dataset, arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        mined(dataset=dataset, **arguments)
