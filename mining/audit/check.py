"""Re-derive a triplet set from embeddings and labels, and list what does not hold."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..compute.distances import TOLERANCE, sq_distance
from ..errors import InputError
from ..guarding.never_negatives import PairLists
from ..labels import Labels
from ..miner import COLUMNS
from ..rule import MiningRule
from .margins import within_margins
from .order import out_of_order

_EXAMPLES = 5
_BLOCK_VALUES = 1 << 22

VIOLATIONS = {
    "row_out_of_range": "an id that is no row",
    "row_left_out": "a row that was to be left out of mining",
    "rows_not_distinct": "anchor, positive and negative are not three rows",
    "positive_label": "the positive shares no class with the anchor",
    "negative_label": "the negative shares a class with the anchor",
    "label_columns": "anchor_label or negative_label is not the rows' class",
    "not_finite": "a distance is not finite",
    "distance": "a distance is not that of the embeddings",
    "boundary": "not (k·d(a,p))² < d²(a,n): the negative lies inside the exclusion boundary",
    "active": "not d²(a,n) < d²(a,p) + m: the loss is already zero",
    "nearer_positive": "no row of the anchor's class is nearer than the negative",
    "never_negative": "anchor and negative are a pair that was never to be one",
    "guard": "a guard refuses the negative",
    "copy_of_positive": "the negative is the same thing as its positive (duplicate_sq)",
    "rank": "the ranks do not fit each other, the distances or the rule",
    "k_hardness": "k is not that of the rule",
    "negative_reused": "the anchor uses the negative twice",
    "anchor_over_cap": "the anchor has more triplets than triplets_per_anchor",
    "positive_over_cap": "anchor and positive have more triplets than negatives_per_positive",
    "order": "by the rule's order the positive would have got another negative of the anchor's triplets",
}
"""Kinds of violation and what they mean, in the order in which they are reported."""


@dataclass(frozen=True, slots=True)
class Violation:
    """How many triplets violate one condition, and the first few of them in words."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit looked at and found.

    triplets: in the set. checked: of them, looked at. anchors: distinct anchors in the set.
    coverage: anchors as a share of all labelled rows, those that were left out aside.
    violations: by kind (see ``VIOLATIONS``); kinds without any are left out.
    """

    triplets: int
    checked: int
    anchors: int
    coverage: float
    violations: Mapping[str, Violation]

    @property
    def ok(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and dictionaries, for JSON."""
        return {
            "triplets": self.triplets,
            "checked": self.checked,
            "anchors": self.anchors,
            "coverage": self.coverage,
            "violations": {
                kind: {"meaning": VIOLATIONS[kind], "count": found.count, "examples": list(found.examples)}
                for kind, found in self.violations.items()
            },
        }


def check_triplets(
    columns: Mapping[str, NDArray[Any]],
    labels: Labels,
    vectors: NDArray[np.float32],
    rule: MiningRule,
    *,
    sample: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    excluded: NDArray[np.bool_] | None = None,
    never_negatives: PairLists | None = None,
) -> AuditReport:
    """Check every condition that a triplet set must meet, from the embeddings up.

    columns: those of ``Mined`` (``COLUMNS``), of any anchors. labels: of the whole set.
    vectors: float32 (N, D), the embeddings that were mined; may be a memory map.
    sample: check only this many anchors, drawn by ``seed``, each with all its triplets. ``None`` checks all.
    excluded: bool (N,), rows that were left out of mining. never_negatives: as they were mined with.

    The inequalities of the rule are checked exactly, on the stored distances, and these against the true
    ones within ``tolerance``. What depends on the neighbour table alone is not checked: the guard by
    percentile, and whether a negative that no triplet has should have come first. Among the negatives of one anchor's
    triplets the order is derived again, however the set is sorted. Of the nearer positive it is checked that
    there is one, not that it was inside S_a.

    Raises: InputError for missing columns, columns of different lengths, or embeddings that do not fit the labels.
    """
    columns = _checked_columns(columns)
    if vectors.ndim != 2 or len(vectors) != len(labels):
        raise InputError(
            f"embeddings have shape {vectors.shape}, there are labels for {len(labels)} rows: "
            "give the embeddings that were mined, and all their labels"
        )
    if sample is not None and sample < 1:
        raise InputError(f"sample is {sample} anchors, it must be at least 1; leave it out to check all")
    anchors = np.unique(columns["anchor"])
    places = np.arange(len(columns["anchor"]))
    if sample is not None and sample < len(anchors):
        drawn = np.random.default_rng(seed).choice(anchors, sample, replace=False)
        places = places[np.isin(columns["anchor"], drawn)]
    rows = np.stack([columns[name][places] for name in ("anchor", "positive", "negative")])
    exists = ((rows >= 0) & (rows < len(labels))).all(axis=0)
    found = {"row_out_of_range": places[~exists]}
    inside = places[exists]
    if excluded is not None:
        found["row_left_out"] = inside[excluded[rows[:, exists]].any(axis=0)]
    if never_negatives is not None:
        anchor, negative = rows[0, exists], rows[2, exists]
        found["never_negative"] = inside[never_negatives.has(anchor, negative)]
    checked = {name: column[inside] for name, column in columns.items()}
    for violated in (
        _by_labels(checked, labels),
        _by_rule(checked, rule),
        _by_anchor(checked, rule),
        {"order": out_of_order(checked, rule)},
        _by_vectors(checked, labels, vectors, tolerance, rule),
    ):
        found |= {kind: inside[mask] for kind, mask in violated.items()}
    return AuditReport(
        triplets=len(columns["anchor"]),
        checked=len(places),
        anchors=len(anchors),
        coverage=len(anchors) / _asked(len(labels), excluded),
        violations={
            kind: Violation(
                len(found[kind]), tuple(_describe(columns, int(i)) for i in found[kind][:_EXAMPLES])
            )
            for kind in VIOLATIONS
            if len(found.get(kind, ()))
        },
    )


def _checked_columns(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        wanted = ", ".join(COLUMNS)
        raise InputError(f"triplet set has no column {', '.join(missing)}: it must have {wanted}")
    arrays = {name: np.asarray(columns[name]) for name in COLUMNS}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"triplet set has columns of different lengths: {lengths}")
    for name in ("anchor", "positive", "negative", "positive_rank", "negative_rank"):
        if arrays[name].dtype.kind not in "iu":
            raise InputError(f"column {name} is {arrays[name].dtype}: ids and ranks must be integers")
    return arrays


def _describe(columns: Mapping[str, NDArray[Any]], i: int) -> str:
    value = {name: column[i] for name, column in columns.items()}
    return (
        f"triplet {i}: anchor {value['anchor']} ({value['anchor_label']}), positive {value['positive']} at rank "
        f"{value['positive_rank']}, d² {value['sq_positive']:.7g}, negative {value['negative']} "
        f"({value['negative_label']}) at rank {value['negative_rank']}, d² {value['sq_negative']:.7g}"
    )


def _by_labels(columns: Mapping[str, NDArray[Any]], labels: Labels) -> dict[str, NDArray[np.bool_]]:
    anchor, positive, negative = columns["anchor"], columns["positive"], columns["negative"]
    shared = labels.pairwise_shared(anchor, positive)
    return {
        "rows_not_distinct": (anchor == positive) | (anchor == negative) | (positive == negative),
        "positive_label": shared < 0,
        "negative_label": labels.pairwise_shared(anchor, negative) >= 0,
        "label_columns": (columns["anchor_label"] != shared)
        | (columns["negative_label"] != labels.first_of(negative)),
    }


def _by_rule(columns: Mapping[str, NDArray[Any]], rule: MiningRule) -> dict[str, NDArray[np.bool_]]:
    """The inequalities, exactly as the miner evaluates them: in float64, from the stored float32."""
    sq_p, sq_n = columns["sq_positive"].astype(np.float64), columns["sq_negative"].astype(np.float64)
    rank_p, rank_n = columns["positive_rank"], columns["negative_rank"]
    guards = rule.guards
    refused = np.zeros(len(sq_p), np.bool_)
    if guards.duplicate_sq is not None:
        refused |= sq_n <= guards.duplicate_sq
    if guards.rank_window is not None:
        refused |= (rank_n < guards.rank_window[0]) | (rank_n >= guards.rank_window[1])
    refused |= within_margins(sq_p, sq_n, guards)
    both_near = rank_p >= 0
    return {
        "not_finite": ~(np.isfinite(sq_p) & np.isfinite(sq_n)),
        "boundary": ~(float(rule.k_hardness) * float(rule.k_hardness) * sq_p < sq_n),
        "active": ~(sq_n < sq_p + rule.margin),
        "guard": refused,
        "rank": (rank_n < 0)
        | (rank_p < (-1 if rule.positives == "class" else 0))
        | (rank_p == rank_n)
        | (both_near & (rank_p < rank_n) & (sq_p > sq_n))
        | (both_near & (rank_p > rank_n) & (sq_p < sq_n)),
        "k_hardness": columns["k_hardness"] != np.float32(rule.k_hardness),
    }


def _by_anchor(columns: Mapping[str, NDArray[Any]], rule: MiningRule) -> dict[str, NDArray[np.bool_]]:
    """What holds among the triplets of one anchor. Of a repeated negative, all but the first are at fault."""
    anchor, negative = columns["anchor"], columns["negative"]
    reused = np.zeros(len(anchor), np.bool_)
    order = np.lexsort((negative, anchor))
    repeated = (np.diff(anchor[order]) == 0) & (np.diff(negative[order]) == 0)
    reused[order[1:][repeated]] = True
    return {
        "negative_reused": reused,
        "anchor_over_cap": _number_within(anchor) >= rule.triplets_per_anchor,
        "positive_over_cap": _number_within(anchor, columns["positive"]) >= rule.negatives_per_positive,
    }


def _number_within(*keys: NDArray[Any]) -> NDArray[np.int64]:
    """int64 (T,): how many entries before each have the same keys."""
    order = np.lexsort(keys)
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    first = np.flatnonzero(begins)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return number


def _by_vectors(
    columns: Mapping[str, NDArray[Any]],
    labels: Labels,
    vectors: NDArray[np.float32],
    tolerance: float,
    rule: MiningRule,
) -> dict[str, NDArray[np.bool_]]:
    anchor, sq_n = columns["anchor"], columns["sq_negative"]
    untrue, copied = np.zeros((2, len(anchor)), np.bool_)
    limit = rule.guards.duplicate_sq
    step = max(1, _BLOCK_VALUES // max(1, vectors.shape[1]))
    for start in range(0, len(anchor), step):
        block = slice(start, start + step)
        of_anchor, of_positive, of_negative = (
            np.asarray(vectors[columns[role][block]], dtype=np.float64)
            for role in ("anchor", "positive", "negative")
        )
        if limit is not None:
            # Less the rounding of the miner's float32, so that what it admits is none here.
            copied[block] = ((of_positive - of_negative) ** 2).sum(axis=1) <= limit * (1.0 - tolerance)
        for of_other, stored in ((of_positive, columns["sq_positive"]), (of_negative, sq_n)):
            true = ((of_anchor - of_other) ** 2).sum(axis=1)
            scale = (of_anchor**2).sum(axis=1) + (of_other**2).sum(axis=1)
            # Negated, so that NaN on either side is a violation too.
            untrue[block] |= ~(np.abs(true - stored[block]) <= tolerance * scale)
    hopeless = np.zeros(len(anchor), np.bool_)
    open_ = np.flatnonzero(columns["sq_positive"] >= sq_n) if rule.nearer_positive else np.empty(0, np.int64)
    if len(open_):
        starts, rows = labels.rows_by_class()
        offsets = np.arange(len(labels) + 1) if labels.offsets is None else labels.offsets
        hopeless[open_] = _none_nearer(
            anchor[open_].astype(np.int64),
            sq_n[open_].astype(np.float32),
            labels.members,
            offsets,
            starts,
            rows,
            np.ascontiguousarray(vectors, dtype=np.float32),
        )
    return {"distance": untrue, "nearer_positive": hopeless, "copy_of_positive": copied}


@numba.njit(cache=True, nogil=True)
def _none_nearer(anchors, sq_negatives, members, offsets, class_starts, class_rows, vectors):
    """bool (P,): no row of the anchor's classes is nearer to it than the negative."""
    none = np.ones(anchors.size, np.bool_)
    for i in range(anchors.size):
        a = anchors[i]
        for at in range(offsets[a], offsets[a + 1]):
            for slot in range(class_starts[members[at]], class_starts[members[at] + 1]):
                row = class_rows[slot]
                if row != a and sq_distance(vectors[a], vectors[row]) < sq_negatives[i]:
                    none[i] = False
                    break
            if not none[i]:
                break
    return none


_EXAMPLES = 5


def audit_parts(
    parts: Iterable[Mapping[str, NDArray[Any]]],
    labels: Labels,
    vectors: NDArray[np.float32],
    rule: MiningRule,
    *,
    sample: int | None,
    anchors: int,
    seed: int,
    excluded: NDArray[np.bool_] | None = None,
    never_negatives: PairLists | None = None,
) -> AuditReport:
    """Check triplet parts one after the other, so that memory follows the largest of them.

    parts: columns as mined, each part with anchors of its own. sample: about how many of the `anchors` of all parts
    are checked, spread over the parts by their size; None checks all. excluded, never_negatives: see
    ``check_triplets``.
    """
    reports = []
    for number, columns in enumerate(parts):
        mine = len(np.unique(columns["anchor"]))
        share = None if sample is None else -(-sample * mine // max(anchors, 1))
        if mine and share != 0:
            seed_of_part = seed + number
            reports.append(
                check_triplets(
                    columns,
                    labels,
                    vectors,
                    rule,
                    sample=share,
                    seed=seed_of_part,
                    excluded=excluded,
                    never_negatives=never_negatives,
                )
            )
    return merge_audits(reports, rows=_asked(len(labels), excluded))


def _asked(rows: int, excluded: NDArray[np.bool_] | None) -> int:
    """Rows that could be anchors."""
    return rows if excluded is None else max(1, rows - int(excluded.sum()))


def merge_audits(reports: list[AuditReport], *, rows: int) -> AuditReport:
    """One report of disjoint sets of anchors."""
    anchors = sum(report.anchors for report in reports)
    counts: Counter[str] = Counter()
    examples: dict[str, tuple[str, ...]] = {}
    for report in reports:
        for kind, found in report.violations.items():
            counts[kind] += found.count
            examples[kind] = (examples.get(kind, ()) + found.examples)[:_EXAMPLES]
    return AuditReport(
        triplets=sum(report.triplets for report in reports),
        checked=sum(report.checked for report in reports),
        anchors=anchors,
        coverage=anchors / rows,
        violations={kind: Violation(counts[kind], examples[kind]) for kind in VIOLATIONS if counts[kind]},
    )
