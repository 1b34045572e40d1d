"""Replace the model's scores by those of a cross-encoder."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.errors import InputError
from ....mining.neighbours import NO_ROW
from .choose import Candidates
from .embed import as_numpy
from .texts import Texts

_PAIRS = 1 << 16
"""Number of pairs scored at once: enough to fill batches, few enough to hold their texts in memory."""


def rescored(
    found: Candidates, texts: Texts, predict: Callable[[Sequence[tuple[str, str]]], Any]
) -> Candidates:
    """The same candidates, scored by ``predict``, which takes pairs of a query and a document.

    Raises: InputError if it does not return one finite number per pair.
    """
    query, place = np.nonzero(found.ids != NO_ROW)
    scores = np.full(found.ids.shape, -np.inf, np.float32)
    scores[query, place] = _scores(texts, query, found.ids[query, place], predict)
    positive_scores = _scores(texts, texts.query_of_pair(), texts.positives, predict)
    return Candidates(found.ids, scores, positive_scores)


def _scores(
    texts: Texts,
    query: NDArray[np.int64],
    document: NDArray[np.int64],
    predict: Callable[[Sequence[tuple[str, str]]], Any],
) -> NDArray[np.float32]:
    scores = np.empty(len(query), np.float32)
    for start in range(0, len(query), _PAIRS):
        block = slice(start, start + _PAIRS)
        rows = zip(query[block].tolist(), document[block].tolist(), strict=True)
        pairs = [(texts.queries[q], texts.corpus[d]) for q, d in rows]
        given = as_numpy(predict(pairs))
        if given.shape != (len(pairs),) or not np.isfinite(given).all():
            raise InputError(
                f"the cross-encoder gave scores of shape {given.shape} for {len(pairs)} pairs"
                f"{'' if np.isfinite(given).all() else ', some of them not finite'}: it must give one number each "
                "(num_labels = 1)"
            )
        scores[block] = given
    return scores
