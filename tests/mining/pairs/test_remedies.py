"""The remedies named in the messages on queries and documents work."""

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.mining.errors import InputError
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.pairs import relevance as relevance_module
from tripletmine.mining.pairs.relevance import pairs_of, relevance_of
from tripletmine.mining.pairs.suspects import unlabelled_positives

QUERY, DOCUMENT = np.arange(4), np.array([0, 1, 2, 3])
KNOWN = relevance_of(QUERY, DOCUMENT, queries=4, corpus=6)
TABLE = NeighbourTable(
    np.array([[4, 0], [5, 1], [4, 2], [5, 3]], np.int64), np.array([[0.1, 1.0]] * 4, np.float32)
)


def related(
    query: object = QUERY, document: object = DOCUMENT, grade: object = None, queries: int = 4
) -> object:
    """Relevance of four queries to six documents."""
    grades = None if grade is None else np.asarray(grade)
    return relevance_of(np.asarray(query), np.asarray(document), grades, queries=queries, corpus=6)


REFUSALS = {
    "columns of two lengths": Refusal(
        lambda: related(document=DOCUMENT[:3]), "give one of each per pair", related
    ),
    "two verdicts": Refusal(
        lambda: related([0, 0], [1, 1], [1, 0]),
        "keep one grade for each",
        lambda: related([0], [1], [1]),
    ),
    "nothing relevant": Refusal(
        lambda: related(grade=[0, 0, 0, -1]),
        "give pairs with grades above 0, or without grades",
        lambda: related(grade=[0, 0, 0, 1]),
        related,
    ),
    "pairs of strings": Refusal(
        lambda: pairs_of([("q1", "d1")]),
        "give integers (P, 2), the rows of a query and of a document in each pair, or a mapping",
        lambda: pairs_of([(0, 1)]),
        lambda: pairs_of({0: [1]}),
    ),
    "grades for some": Refusal(
        lambda: pairs_of({0: {1: 1.0}, 1: [2]}),
        "give {document: grade} for all, or for none",
        lambda: pairs_of({0: {1: 1.0}, 1: {2: 1.0}}),
        lambda: pairs_of({0: [1], 1: [2]}),
    ),
    "a mapping to numbers": Refusal(
        lambda: pairs_of({0: 1}), "give {query: [document, …]}", lambda: pairs_of({0: [1]})
    ),
    "rows with fractions": Refusal(
        lambda: related(QUERY + 0.5), "give one integer per pair", lambda: related(QUERY)
    ),
    "queries counted from 1": Refusal(
        lambda: related(QUERY + 1),
        "there are 4 queries: number rows from 0, and give pairs of these queries",
        lambda: related(QUERY),
    ),
    "documents of another corpus": Refusal(
        lambda: related(document=[0, 1, 2, 99]),
        "there are 6 documents: number rows from 0, and give pairs of these documents",
        lambda: related(document=[0, 1, 2, 5]),
    ),
    "grades for some pairs": Refusal(
        lambda: related(grade=[1, 1]),
        "give a number for each of 4 pairs",
        lambda: related(grade=[1, 1, 1, 1]),
    ),
    "grades that are NaN": Refusal(
        lambda: related(grade=[1, 1, 1, np.nan]),
        "leave these pairs out",
        lambda: related(QUERY[:3], DOCUMENT[:3], [1, 1, 1]),
    ),
    "a table of some queries": Refusal(
        lambda: unlabelled_positives(TABLE, KNOWN, queries=QUERY[:3]),
        "4 lines for 3 queries: give one for each",
        lambda: unlabelled_positives(TABLE, KNOWN, queries=QUERY),
    ),
    "nearest": Refusal(
        lambda: unlabelled_positives(TABLE, KNOWN, nearest=0),
        "nearest is 0 but must be at least 1: raise it",
        lambda: unlabelled_positives(TABLE, KNOWN, nearest=1),
    ),
    "minimum_score": Refusal(
        lambda: unlabelled_positives(TABLE, KNOWN, minimum_score=1.5),
        "above 0 and at most 1: give such a share",
        lambda: unlabelled_positives(TABLE, KNOWN, minimum_score=1.0),
    ),
    "another corpus": Refusal(
        lambda: unlabelled_positives(TABLE, relevance_of(QUERY, DOCUMENT, queries=4, corpus=4)),
        "give the relevance of the corpus that was searched",
        lambda: unlabelled_positives(TABLE, relevance_of(QUERY, DOCUMENT, queries=4, corpus=6)),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)


def test_a_corpus_too_large_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relevance_module, "_MOST_DOCUMENTS", 5)
    of_first, of_second = (related_to for related_to in (DOCUMENT < 2, DOCUMENT >= 2))
    Refusal(
        related,
        "the corpus has 6 documents, but at most 5 are possible: split it",
        lambda: relevance_of(QUERY[of_first], DOCUMENT[of_first], queries=4, corpus=2),
        lambda: relevance_of(QUERY[of_second], DOCUMENT[of_second] - 2, queries=4, corpus=4),
    ).require(InputError)
