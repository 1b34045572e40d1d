"""The four output formats of ``mine_hard_negatives``, as columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.errors import InputError
from .choose import Negatives
from .texts import Texts

FORMS = ("triplet", "n-tuple", "labeled-pair", "labeled-list")


def require_form(form: str) -> None:
    """Raises: InputError for an unknown form."""
    if form not in FORMS:
        raise InputError(f"Invalid output_format: {form!r}: choose one of {', '.join(map(repr, FORMS))}")


def columns_of(
    form: str,
    texts: Texts,
    positive_scores: NDArray[np.float32],
    negatives: Negatives,
    names: tuple[str, str],
    *,
    scores: bool,
) -> dict[str, list[Any]]:
    """The columns of a data set in one of ``FORMS``. Pairs are ordered by the first mention of their query.

    names: names of the columns of queries and of documents. scores: add a column of scores, which replaces labels.
    """
    makers: dict[str, Callable[..., dict[str, list[Any]]]] = dict(
        zip(FORMS, (_triplets, _tuples, _labelled_pairs, _labelled_lists), strict=True)
    )
    return makers[form](texts, positive_scores.astype(np.float64), negatives, names, scores)


def most_rows(form: str, texts: Texts, wanted: int) -> int:
    """Number of rows if every query has all its negatives."""
    pairs = len(texts.positives)
    return {"triplet": pairs * wanted, "labeled-pair": pairs + len(texts.queries) * wanted}.get(form, pairs)


def _triplets(
    texts: Texts, positive: NDArray[np.float64], negatives: Negatives, names: tuple[str, str], scores: bool
) -> dict[str, list[Any]]:
    query_of_pair = texts.query_of_pair()
    pair, place = np.nonzero(negatives.found[query_of_pair])
    query = query_of_pair[pair]
    columns: dict[str, list[Any]] = {
        names[0]: _texts(texts.queries, query),
        names[1]: _texts(texts.corpus, texts.positives[pair]),
        "negative": _texts(texts.corpus, negatives.ids[query, place]),
    }
    if scores:
        columns["scores"] = np.stack([positive[pair], negatives.scores[query, place]], axis=1).tolist()
    return columns


def _tuples(
    texts: Texts, positive: NDArray[np.float64], negatives: Negatives, names: tuple[str, str], scores: bool
) -> dict[str, list[Any]]:
    query_of_pair = texts.query_of_pair()
    pair = np.flatnonzero(np.all(negatives.found[query_of_pair], axis=1))
    query = query_of_pair[pair]
    columns: dict[str, list[Any]] = {
        names[0]: _texts(texts.queries, query),
        names[1]: _texts(texts.corpus, texts.positives[pair]),
    }
    for place, rows in enumerate(negatives.ids.T, 1):
        columns[f"negative_{place}"] = _texts(texts.corpus, rows[query])
    if scores:
        columns["scores"] = np.concatenate(
            [positive[pair, None], negatives.scores[query]], axis=1, dtype=np.float64
        ).tolist()
    return columns


def _labelled_pairs(
    texts: Texts, positive: NDArray[np.float64], negatives: Negatives, names: tuple[str, str], scores: bool
) -> dict[str, list[Any]]:
    query, place = np.nonzero(negatives.found)
    queries = np.concatenate([texts.query_of_pair(), query])
    documents = np.concatenate([texts.positives, negatives.ids[query, place]])
    # The sort is stable, so each query's positives come before its negatives.
    order = np.argsort(queries, kind="stable")
    columns: dict[str, list[Any]] = {
        names[0]: _texts(texts.queries, queries[order]),
        names[1]: _texts(texts.corpus, documents[order]),
    }
    if scores:
        columns["score"] = np.concatenate([positive, negatives.scores[query, place]])[order].tolist()
    else:
        columns["label"] = (order < len(positive)).astype(int).tolist()
    return columns


def _labelled_lists(
    texts: Texts, positive: NDArray[np.float64], negatives: Negatives, names: tuple[str, str], scores: bool
) -> dict[str, list[Any]]:
    query_of_pair = texts.query_of_pair()
    pair = np.flatnonzero(np.any(negatives.found[query_of_pair], axis=1))
    queries = query_of_pair[pair]
    found = [negatives.found[query] for query in queries]
    columns: dict[str, list[Any]] = {
        names[0]: _texts(texts.queries, queries),
        names[1]: [
            [texts.corpus[texts.positives[at]], *_texts(texts.corpus, negatives.ids[query][mask])]
            for at, query, mask in zip(pair, queries, found, strict=True)
        ],
    }
    if scores:
        columns["scores"] = [
            [positive[at].item(), *negatives.scores[query][mask].tolist()]
            for at, query, mask in zip(pair, queries, found, strict=True)
        ]
    else:
        columns["labels"] = [[1] + [0] * int(mask.sum()) for mask in found]
    return columns


def _texts(texts: list[str], rows: NDArray[np.int64]) -> list[str]:
    return [texts[row] for row in rows.tolist()]
