"""Relevance judgements: which documents of a corpus are relevant to which queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..labels import Labels

_MOST_DOCUMENTS = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Documents judged for each query, in compressed sparse row form (CSR).

    offsets: int64 (Q + 1,), where each query begins. documents: int32 (nnz,), rows of the corpus, ascending for each
    query.
    """

    offsets: NDArray[np.int64]
    documents: NDArray[np.int32]

    def of(self, query: int) -> NDArray[np.int32]:
        """The documents of one query."""
        return self.documents[self.offsets[query] : self.offsets[query + 1]]

    def counts(self) -> NDArray[np.int64]:
        """int64 (Q,): the number of documents of each query."""
        return np.diff(self.offsets)

    def has(self, query: NDArray[np.int64], document: NDArray[np.int64], *, corpus: int) -> NDArray[np.bool_]:
        """bool (P,): whether ``document[i]`` is among those of ``query[i]``. Rows must exist. corpus: its size."""
        if not len(self.documents):
            return np.zeros(len(query), np.bool_)
        # Look up sorted (query, document) keys.
        keys = np.repeat(np.arange(len(self.offsets) - 1), self.counts()) * corpus + self.documents
        wanted = query * corpus + document
        return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted


@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """Relevance judgements of queries and documents.

    corpus: number of documents. relevant: documents judged relevant, the positives. irrelevant: documents judged not
    relevant, which are certain negatives. Documents not judged are treated as negatives.
    repeated: number of repeated pairs, beyond the first of each. own: number of pairs dropped because the document is
    the query itself.
    """

    corpus: int
    relevant: Judged
    irrelevant: Judged
    repeated: int = 0
    own: int = 0

    @property
    def queries(self) -> int:
        """The number of queries."""
        return len(self.relevant.offsets) - 1

    @property
    def without(self) -> int:
        """The number of queries without a relevant document."""
        return int((self.relevant.counts() == 0).sum())

    def is_relevant(self, query: NDArray[np.int64], document: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool (P,): whether each document is relevant to its query."""
        return self.relevant.has(query, document, corpus=self.corpus)

    def is_irrelevant(self, query: NDArray[np.int64], document: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool (P,): whether each document was judged not relevant to its query."""
        return self.irrelevant.has(query, document, corpus=self.corpus)

    def labels(self) -> Labels:
        """Labels of the queries. Each document is a class, and a query has the classes of its relevant documents.

        A query without relevant documents has no class.
        """
        return Labels(range(self.corpus), self.relevant.documents, self.relevant.offsets)

    def corpus_labels(self) -> Labels:
        """Labels of the documents: each is its own class."""
        return Labels(range(self.corpus), np.arange(self.corpus, dtype=np.int32))


def relevance_of(
    query: NDArray[np.int64],
    document: NDArray[np.int64],
    grade: NDArray[Any] | None = None,
    *,
    queries: int,
    corpus: int,
    own: NDArray[np.int64] | None = None,
) -> Relevance:
    """Relevance from pairs of rows.

    query, document: integers (P,), rows below `queries` and `corpus`. grade: numbers (P,); a document with a grade
    above 0 is relevant, with 0 or below it is not; by default all are relevant. A pair may be repeated with the same
    verdict. own: int64 (Q,), the row of the corpus that is the query itself, −1 for none; such pairs are dropped.

    Raises: InputError for rows that do not exist, NaN grades, pairs with two verdicts, or no relevant pair.
    """
    if corpus > _MOST_DOCUMENTS:
        raise InputError(
            f"the corpus has {corpus} documents, but at most {_MOST_DOCUMENTS} are possible: split it"
        )
    query, document = (
        _rows(query, queries, "query", "queries"),
        _rows(document, corpus, "document", "documents"),
    )
    if len(query) != len(document):
        raise InputError(
            f"pairs have {len(query)} queries and {len(document)} documents: give one of each per pair"
        )
    good = np.ones(len(query), np.bool_) if grade is None else _positive(grade, len(query))
    itself = np.zeros(len(query), np.bool_) if own is None else own[query] == document
    query, document, good = query[~itself], document[~itself], good[~itself]
    order = np.lexsort((document, query))
    query, document, good = query[order], document[order], good[order]
    again = np.zeros(len(query), np.bool_)
    again[1:] = (query[1:] == query[:-1]) & (document[1:] == document[:-1])
    contrary = np.flatnonzero(again[1:] & (good[1:] != good[:-1])) + 1
    if len(contrary):
        first = contrary[0]
        raise InputError(
            f"{len(contrary)} pairs are given as relevant and as not relevant, the first is query {query[first]} with "
            f"document {document[first]}: keep one grade for each"
        )
    query, document, good = query[~again], document[~again], good[~again]
    if not good.any():
        raise InputError(
            f"none of the {len(query)} pairs is relevant, so that no query has a positive: give pairs with grades "
            "above 0, or without grades"
        )
    return Relevance(
        corpus=corpus,
        relevant=_judged(query[good], document[good], queries),
        irrelevant=_judged(query[~good], document[~good], queries),
        repeated=int(again.sum()),
        own=int(itself.sum()),
    )


def pairs_of(
    relevant: object,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]:
    """Queries, documents and grades, (P,) each, from the forms in which users give pairs.

    relevant: integers (P, 2), a query row and a document row per pair; or a mapping from query rows to document rows,
    or to mappings from document rows to grades. Grades are None if not given.

    Raises: InputError for anything else.
    """
    if isinstance(relevant, Mapping):
        return _of_mapping(relevant)
    try:
        pairs = np.asarray(relevant)
    except (ValueError, TypeError, RuntimeError):  # lists of different lengths
        pairs = np.empty((0, 0))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise InputError(
            f"relevant is {type(relevant).__name__} of {pairs.dtype} and shape {pairs.shape}: give integers (P, 2), "
            "the rows of a query and of a document in each pair, or a mapping {query: [document, …]}"
        )
    return pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64), None


def _of_mapping(
    relevant: Mapping[Any, Any],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]:
    graded = [isinstance(documents, Mapping) for documents in relevant.values()]
    if any(graded) and not all(graded):
        raise InputError(
            "relevant has grades for some queries only: give {document: grade} for all, or for none"
        )
    try:
        query = np.repeat(np.asarray(list(relevant)), [len(documents) for documents in relevant.values()])
        document = np.asarray([each for documents in relevant.values() for each in documents])
    except (ValueError, TypeError) as error:
        raise InputError(
            f"relevant is a mapping that cannot be read ({error}): give {{query: [document, …]}}"
        ) from error
    if not any(graded):
        return query, document, None
    grades = [grade for documents in relevant.values() for grade in documents.values()]
    return query, document, np.asarray(grades, np.float64)


def _rows(rows: NDArray[Any], limit: int, word: str, words: str) -> NDArray[np.int64]:
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise InputError(
            f"pairs have a {word} of {rows.dtype} and shape {rows.shape}: give one integer per pair"
        )
    beyond = np.flatnonzero((rows < 0) | (rows >= limit))
    if len(beyond):
        raise InputError(
            f"{len(beyond)} of {len(rows)} pairs name a {word} that does not exist, the first is {rows[beyond[0]]} in "
            f"pair {beyond[0]} and there are {limit} {words}: number rows from 0, and give pairs of these {words}"
        )
    return rows.astype(np.int64)


def _positive(grade: NDArray[Any], pairs: int) -> NDArray[np.bool_]:
    grade = np.asarray(grade)
    if grade.shape != (pairs,) or grade.dtype.kind not in "biuf":
        raise InputError(
            f"grades are {grade.dtype} of shape {grade.shape}: give a number for each of {pairs} pairs"
        )
    unknown = np.flatnonzero(np.isnan(grade)) if grade.dtype.kind == "f" else grade[:0]
    if len(unknown):
        raise InputError(
            f"{len(unknown)} of {pairs} grades are NaN, the first is of pair {unknown[0]}: leave these pairs out"
        )
    return grade > 0


def _judged(query: NDArray[np.int64], document: NDArray[np.int64], queries: int) -> Judged:
    """``Judged`` from pairs sorted by (query, document)."""
    offsets = np.zeros(queries + 1, np.int64)
    np.cumsum(np.bincount(query, minlength=queries), out=offsets[1:])
    return Judged(offsets, document.astype(np.int32))
