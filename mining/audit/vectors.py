"""Check triplets against the embeddings."""

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..compute.distances import sq_distance
from ..errors import InputError
from ..labels import Labels
from ..miner_input import Corpus
from ..rule import MiningRule

_BLOCK_VALUES = 1 << 22


def by_vectors(
    columns: Mapping[str, NDArray[Any]],
    labels: Labels,
    vectors: NDArray[np.float32],
    tolerance: float,
    rule: MiningRule,
    corpus: Corpus | None,
) -> dict[str, NDArray[np.bool_]]:
    """Violations that need the embeddings, bool (T,) each.

    They are: stored distances that differ from those of the embeddings, negatives with no nearer row in the anchor's
    classes, and negatives that are duplicates of their positive.

    labels, vectors: of the anchors. corpus: of positives and negatives; by default rows of the same set.
    """
    other = Corpus(labels, vectors) if corpus is None else corpus
    if other.vectors is None or other.vectors.ndim != 2 or len(other.vectors) != len(other.labels):
        shape = None if other.vectors is None else other.vectors.shape
        raise InputError(
            f"embeddings of the corpus have shape {shape}, but it has {len(other.labels)} rows: give those that were "
            "mined"
        )
    anchor, sq_n = columns["anchor"], columns["sq_negative"]
    untrue, copied = np.zeros((2, len(anchor)), np.bool_)
    limit = rule.guards.duplicate_sq
    step = max(1, _BLOCK_VALUES // max(1, vectors.shape[1]))
    for start in range(0, len(anchor), step):
        block = slice(start, start + step)
        of_anchor, of_positive, of_negative = (
            np.asarray(of[columns[role][block]], dtype=np.float64)
            for role, of in (("anchor", vectors), ("positive", other.vectors), ("negative", other.vectors))
        )
        if limit is not None:
            # Allow for the miner's float32 rounding, so that nothing that it admits is a violation here.
            copied[block] = ((of_positive - of_negative) ** 2).sum(axis=1) <= limit * (1.0 - tolerance)
        for of_other, stored in ((of_positive, columns["sq_positive"]), (of_negative, sq_n)):
            true = ((of_anchor - of_other) ** 2).sum(axis=1)
            scale = (of_anchor**2).sum(axis=1) + (of_other**2).sum(axis=1)
            # Negated, so that NaN on either side is a violation too.
            untrue[block] |= ~(np.abs(true - stored[block]) <= tolerance * scale)
    hopeless = np.zeros(len(anchor), np.bool_)
    open_ = np.flatnonzero(columns["sq_positive"] >= sq_n) if rule.nearer_positive else np.empty(0, np.int64)
    if len(open_):
        starts, rows = other.labels.rows_by_class()
        offsets = np.arange(len(labels) + 1) if labels.offsets is None else labels.offsets
        hopeless[open_] = _none_nearer(
            anchor[open_].astype(np.int64),
            sq_n[open_].astype(np.float32),
            labels.members,
            offsets,
            starts,
            rows,
            np.ascontiguousarray(vectors, dtype=np.float32),
            np.ascontiguousarray(other.vectors, dtype=np.float32),
            corpus is None,
        )
    return {"distance": untrue, "nearer_positive": hopeless, "copy_of_positive": copied}


@numba.njit(cache=True, nogil=True)
def _none_nearer(anchors, sq_negatives, members, offsets, class_starts, class_rows, vectors, others, one_set):
    """bool (P,): True if no row of the anchor's classes is nearer to the anchor than the negative."""
    none = np.ones(anchors.size, np.bool_)
    for i in range(anchors.size):
        a = anchors[i]
        for at in range(offsets[a], offsets[a + 1]):
            for slot in range(class_starts[members[at]], class_starts[members[at] + 1]):
                row = class_rows[slot]
                if one_set and row == a:
                    continue
                if sq_distance(vectors[a], others[row]) < sq_negatives[i]:
                    none[i] = False
                    break
            if not none[i]:
                break
    return none
