"""The nearest documents: by our search, and by a model's own similarity."""

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.neighbours import NO_ROW
from tripletmine.pipeline.standalone.hard_negatives import search
from tripletmine.pipeline.standalone.hard_negatives.choose import Candidates
from tripletmine.pipeline.standalone.hard_negatives.rescore import rescored
from tripletmine.pipeline.standalone.hard_negatives.texts import texts_of

QUERIES, DOCUMENTS, COUNT = 30, 50, 12


class Model:
    """A similarity that counts how many queries it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def similarity(self, queries: np.ndarray, corpus: np.ndarray) -> np.ndarray:
        self.asked.append(len(queries))
        return queries @ corpus.T

    def similarity_pairwise(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return (queries * documents).sum(axis=1)


@pytest.fixture(scope="module")
def texts():
    pairs = [(f"q{i % QUERIES}", f"d{i * 7 % DOCUMENTS}") for i in range(45)]
    return texts_of(*zip(*pairs, strict=True), corpus=["q3", *(f"d{i}" for i in range(DOCUMENTS - 1))])


@pytest.fixture(scope="module")
def vectors(texts) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors; one query and two documents have none."""
    random = np.random.default_rng(3)
    both = []
    for rows in (len(texts.queries), len(texts.corpus)):
        values = random.normal(size=(rows, 6)).astype(np.float32)
        both.append(values / np.linalg.norm(values, axis=1, keepdims=True))
    both[0][5] = 0
    both[1][[8, 11]] = 0
    return both[0], both[1]


def slowly(texts, vectors, form, known_only):
    """Ids and scores of the nearest of each query, by sorting all; own texts are left out."""
    queries, corpus = vectors
    ids, scores = [], []
    for query in range(len(queries)):
        entries = [
            (-form(queries[query], corpus[document]), document)
            for document in range(len(corpus))
            if document != texts.own[query]
            and not (known_only and not (queries[query].any() and corpus[document].any()))
        ]
        nearest = sorted(entries)[:COUNT] + [(np.inf, NO_ROW)] * COUNT
        ids.append([document for _, document in nearest[:COUNT]])
        scores.append([-score for score, _ in nearest[:COUNT]])
    return ids, scores


def product(query, document):
    return float(query.astype(np.float64) @ document)


def minus_distance(query, document):
    return -float(np.linalg.norm(query.astype(np.float64) - document))


@pytest.mark.parametrize(
    ("name", "form"), [("cosine", product), ("dot", product), ("euclidean", minus_distance)]
)
def test_similarities_of_the_library_are_searched(texts, vectors, monkeypatch, name, form):
    monkeypatch.setattr(search, "stock_similarity", lambda _: name)
    model = Model()
    found = search.candidates_of(model, texts, vectors[0], vectors[1], texts.own, COUNT, batch=4)
    ids, scores = slowly(texts, vectors, form, known_only=True)
    assert found.ids.tolist() == ids
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    pairs = zip(texts.query_of_pair(), texts.positives, strict=True)
    expected = [form(vectors[0][query], vectors[1][document]) for query, document in pairs]
    np.testing.assert_allclose(found.positive_scores, expected, atol=1e-6)
    assert model.asked == []
    assert [search.without_vector(side) for side in vectors] == [1, 2]


def test_a_model_with_its_own_similarity_is_asked(texts, vectors):
    model = Model()
    found = search.candidates_of(model, texts, vectors[0], vectors[1], texts.own, COUNT, batch=13)
    ids, scores = slowly(texts, vectors, product, known_only=False)
    known = vectors[0].any(axis=1)  # for a query without a vector all scores are equal
    assert [row.tolist() for row in found.ids[known]] == [
        row for row, is_known in zip(ids, known, strict=True) if is_known
    ]
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    assert model.asked == [13, 13, 4]


def test_a_corpus_smaller_than_what_is_asked_for(texts, vectors, monkeypatch):
    monkeypatch.setattr(search, "stock_similarity", lambda _: "cosine")
    found = search.candidates_of(Model(), texts, vectors[0], vectors[1], texts.own, 500, batch=4)
    assert (np.sort(found.ids, axis=1)[:, -1] < len(texts.corpus)).all()
    left_out = 2 + (texts.own != NO_ROW)
    left_out[5] = len(texts.corpus)
    assert ((found.ids != NO_ROW).sum(axis=1) == len(texts.corpus) - left_out).all()


def test_a_cross_encoder_scores_each_candidate_and_each_positive(texts):
    ids = np.array([[0, 4, NO_ROW]] * len(texts.queries))
    found = Candidates(
        ids, np.where(ids == NO_ROW, -np.inf, 1).astype(np.float32), np.ones(len(texts.positives), np.float32)
    )

    def predict(pairs):
        return np.array([float(query[1:]) - len(document) for query, document in pairs])

    again = rescored(found, texts, predict)
    expected = [[float(query[1:]) - 2, float(query[1:]) - 2, -np.inf] for query in texts.queries]
    assert again.scores.tolist() == expected
    pairs = [
        (texts.queries[q], texts.corpus[d])
        for q, d in zip(texts.query_of_pair(), texts.positives, strict=True)
    ]
    assert again.positive_scores.tolist() == predict(pairs).tolist()
    with pytest.raises(
        InputError, match=r"scores of shape \(60, 2\) for 60 pairs: it must give one number each"
    ):
        rescored(found, texts, lambda pairs: np.ones((len(pairs), 2)))
    with pytest.raises(InputError, match="some of them not finite"):
        rescored(found, texts, lambda pairs: np.full(len(pairs), np.nan))


def test_a_graph_finds_nearly_the_same(monkeypatch):
    monkeypatch.setattr(search, "stock_similarity", lambda _: "cosine")
    random = np.random.default_rng(5)
    queries, corpus = (random.normal(size=(rows, 8)).astype(np.float32) for rows in (300, 2000))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (queries, corpus)]
    texts = texts_of([f"q{i}" for i in range(300)], ["d0"] * 300, [f"d{i}" for i in range(2000)])
    exact, graph = (
        search.candidates_of(Model(), texts, unit[0], unit[1], texts.own, COUNT, batch=4, method=method)
        for method in ("exact", "hnsw")
    )
    pairs = zip(exact.ids.tolist(), graph.ids.tolist(), strict=True)
    same = float(np.mean([len(set(some) & set(others)) / COUNT for some, others in pairs]))
    assert same > 0.98, f"recall {same:.3f}"
