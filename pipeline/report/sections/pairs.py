"""Sections for queries and a corpus: the hardest triplets, and documents that look relevant but are not labelled so.

On a page the rows of documents are numbered after those of all queries, so that every row has its own id.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.pairs.suspects import unlabelled_positives
from ...artifacts.triplets import coded_columns
from ...standalone.triplet_folder import CorpusSource, TripletSource
from ..content import Hardest, HardTriplet, UnlabelledPositive, UnlabelledPositives
from ..sampling import spread_blocks, spread_parts
from .hardest import TRIPLETS, rows_of_part
from .suspects import ROWS, nearest_lines

_COLUMNS = ("anchor", "positive", "negative", "sq_positive", "sq_negative")


def hardest_of_queries(triplets: TripletSource, *, limit: int) -> Hardest:
    """At most `limit` triplets with the largest hinge, one for each query. Raises: CorruptError."""
    sizes = [rows_of_part(path) for path in triplets.files]
    read = spread_parts(sizes, TRIPLETS)
    found: list[HardTriplet] = []
    for place in read:
        columns = coded_columns(triplets.files[place], triplets.labels, _COLUMNS)
        found += _hardest(columns, triplets.rule.margin, len(triplets.keys), limit)
    found.sort(key=lambda each: -each.hinge)
    return Hardest(tuple(found[:limit]), sum(sizes[place] for place in read), sum(sizes))


def _hardest(columns: dict[str, NDArray[Any]], margin: float, queries: int, limit: int) -> list[HardTriplet]:
    hinge = columns["sq_positive"] + np.float32(margin) - columns["sq_negative"]
    order = np.argsort(-hinge, kind="stable")
    _, first = np.unique(columns["anchor"][order], return_index=True)
    return [
        HardTriplet(
            anchor=int(columns["anchor"][at]),
            positive=queries + int(columns["positive"][at]),
            negative=queries + int(columns["negative"][at]),
            label=None,
            negative_label=None,
            sq_positive=float(columns["sq_positive"][at]),
            sq_negative=float(columns["sq_negative"][at]),
            hinge=float(hinge[at]),
        )
        for at in order[np.sort(first)[:limit]].tolist()
    ]


def unlabelled_of_queries(
    triplets: TripletSource, corpus: CorpusSource, *, limit: int
) -> UnlabelledPositives:
    """The `limit` strongest unlabelled positives, one for each query. Many queries are sampled, evenly spread.

    Raises: CorruptError.
    """
    asked = np.flatnonzero(corpus.relevance.relevant.counts())
    blocks = spread_blocks(len(asked), ROWS)
    queries = asked[np.concatenate([np.asarray(block, np.int64) for block in blocks])]
    table = nearest_lines(triplets.neighbours, queries)
    found = unlabelled_positives(table, corpus.relevance, queries=queries)
    _, first = np.unique(found["query"], return_index=True)
    listed = [
        UnlabelledPositive(
            query=int(found["query"][at]),
            document=len(triplets.keys) + int(found["document"][at]),
            sq_distance=float(found["sq_distance"][at]),
            sq_positive=float(found["sq_positive"][at]),
            score=float(found["score"][at]),
        )
        for at in np.sort(first)[:limit].tolist()
    ]
    return UnlabelledPositives(listed, len(found["query"]), len(first), len(queries), len(asked))
