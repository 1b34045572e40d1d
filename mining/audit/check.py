"""Check a triplet set against embeddings and labels, and list the violations."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.distances import TOLERANCE
from ..errors import InputError
from ..guarding.never_negatives import PairLists
from ..labels import Labels
from ..miner import COLUMNS, PAIR_COLUMNS
from ..miner_input import Corpus
from ..rule import MiningRule
from .groups import of_one_group
from .margins import within_margins
from .order import out_of_order
from .vectors import by_vectors

_EXAMPLES = 5

VIOLATIONS = {
    "row_out_of_range": "an id is not a row",
    "row_left_out": "a row was excluded from mining",
    "rows_not_distinct": "anchor, positive and negative are not three rows",
    "positive_label": "the positive shares no class with the anchor",
    "negative_label": "the negative shares a class with the anchor",
    "label_columns": "anchor_label or negative_label is not the class of its row",
    "not_finite": "a distance is not finite",
    "distance": "a distance is not that of the embeddings",
    "boundary": "not (k·d(a,p))² < d²(a,n): the negative lies inside the exclusion boundary",
    "active": "not d²(a,n) < d²(a,p) + m: the loss is already zero",
    "nearer_positive": "no row of the anchor's class is nearer than the negative",
    "never_negative": "anchor and negative are one of the pairs that must not become negatives",
    "same_group": "the negative is of the anchor's group, or the positive is and must not be (same_group)",
    "guard": "a guard refuses the negative",
    "copy_of_positive": "the negative is a duplicate of its positive (duplicate_sq)",
    "rank": "the ranks contradict each other, the distances or the rule",
    "k_hardness": "k is not that of the rule",
    "negative_reused": "the anchor uses the negative twice",
    "anchor_over_cap": "the anchor has more triplets than triplets_per_anchor",
    "positive_over_cap": "anchor and positive have more triplets than negatives_per_positive",
    "order": "by the rule's order the positive should have got another negative of the anchor's triplets",
}
"""Kinds of violation and what they mean, in the order in which they are reported."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The number of triplets that violate one condition, and a description of the first few."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit.

    Attributes:
        triplets: Number of triplets in the set.
        checked: Number of triplets checked.
        anchors: Number of distinct anchors in the set.
        coverage: Anchors as a share of all rows that could be anchors, excluded ones left out.
        violations: By kind (see ``VIOLATIONS``), without kinds that did not occur.
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
        """The report for JSON."""
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
    groups: NDArray[np.int64] | None = None,
    corpus: Corpus | None = None,
) -> AuditReport:
    """Check every condition that a triplet set must meet, using embeddings and labels.

    columns: those of ``Mined`` (``COLUMNS``, or ``PAIR_COLUMNS`` with a corpus), of any anchors.
    labels: of the whole set.
    vectors: float32 (N, D), the embeddings that were mined; may be a memory map.
    sample: check only this many anchors, drawn with ``seed``, each with all its triplets. ``None`` checks all.
    excluded, never_negatives, groups: as given to ``mine``.
    corpus: as given to ``mine``, with vectors; by default positives and negatives are rows of the anchors' set.

    The rule's inequalities are checked exactly, on the stored distances, and the stored distances against the true ones
    within ``tolerance``. What only the neighbour table could show is not checked: the percentile guard, and whether a
    negative that is in no triplet should have been taken first. The order of taking is checked among the negatives of
    an anchor's triplets, however the set is sorted. For ``nearer_positive``, a nearer positive must exist, but not
    inside S_a.

    Raises: InputError for missing columns, columns of different lengths, or embeddings that do not fit the labels.
    """
    other = Corpus(labels, vectors, excluded, groups) if corpus is None else corpus
    columns = _checked_columns(columns, COLUMNS if corpus is None else PAIR_COLUMNS)
    if vectors.ndim != 2 or len(vectors) != len(labels):
        raise InputError(
            f"embeddings have shape {vectors.shape}, but there are labels for {len(labels)} rows: "
            "give the embeddings that were mined, and all their labels"
        )
    if sample is not None and sample < 1:
        raise InputError(
            f"sample is {sample} but must be at least 1: raise it, or leave it out to check all anchors"
        )
    anchors = np.unique(columns["anchor"])
    places = np.arange(len(columns["anchor"]))
    if sample is not None and sample < len(anchors):
        drawn = np.random.default_rng(seed).choice(anchors, sample, replace=False)
        places = places[np.isin(columns["anchor"], drawn)]
    rows = np.stack([columns[name][places] for name in ("anchor", "positive", "negative")])
    limits = np.array([[len(labels)], [len(other.labels)], [len(other.labels)]])
    exists = ((rows >= 0) & (rows < limits)).all(axis=0)
    found = {"row_out_of_range": places[~exists]}
    inside = places[exists]
    anchor, positive, negative = rows[:, exists]
    found["row_left_out"] = inside[
        _any_excluded(excluded, anchor)
        | _any_excluded(other.excluded, positive)
        | _any_excluded(other.excluded, negative)
    ]
    if never_negatives is not None:
        found["never_negative"] = inside[never_negatives.has(anchor, negative)]
    if rule.guards.same_group is not None:
        found["same_group"] = inside[of_one_group(rows[:, exists], groups, other.groups, rule.guards)]
    checked = {name: column[inside] for name, column in columns.items()}
    for violated in (
        _by_labels(checked, labels) if corpus is None else _by_relevance(checked, labels, corpus.labels),
        _by_rule(checked, rule),
        _by_anchor(checked, rule),
        {"order": out_of_order(checked, rule)},
        by_vectors(checked, labels, vectors, tolerance, rule, corpus),
    ):
        found |= {kind: inside[mask] for kind, mask in violated.items()}
    return AuditReport(
        triplets=len(columns["anchor"]),
        checked=len(places),
        anchors=len(anchors),
        coverage=len(anchors) / _asked(labels, excluded, corpus),
        violations={
            kind: Violation(
                len(found[kind]), tuple(_describe(columns, int(i)) for i in found[kind][:_EXAMPLES])
            )
            for kind in VIOLATIONS
            if len(found.get(kind, ()))
        },
    )


def _any_excluded(excluded: NDArray[np.bool_] | None, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.zeros(len(rows), np.bool_) if excluded is None else excluded[rows]


def _checked_columns(
    columns: Mapping[str, NDArray[Any]], wanted: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InputError(f"triplet set has no column {', '.join(missing)}: give all of {', '.join(wanted)}")
    arrays = {name: np.asarray(columns[name]) for name in wanted}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"triplet set has columns of different lengths {lengths}: give one entry per triplet in each"
        )
    for name in ("anchor", "positive", "negative", "positive_rank", "negative_rank"):
        if arrays[name].dtype.kind not in "iu":
            raise InputError(
                f"column {name} is {arrays[name].dtype} but ids and ranks must be integers: give those"
            )
    return arrays


def _describe(columns: Mapping[str, NDArray[Any]], i: int) -> str:
    value = {name: column[i] for name, column in columns.items()}
    of = {
        role: f" ({value[f'{role}_label']})" if f"{role}_label" in value else ""
        for role in ("anchor", "negative")
    }
    return (
        f"triplet {i}: anchor {value['anchor']}{of['anchor']}, positive {value['positive']} at rank "
        f"{value['positive_rank']}, d² {value['sq_positive']:.7g}, negative {value['negative']}{of['negative']} at "
        f"rank {value['negative_rank']}, d² {value['sq_negative']:.7g}"
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


def _by_relevance(
    columns: Mapping[str, NDArray[Any]], labels: Labels, of_corpus: Labels
) -> dict[str, NDArray[np.bool_]]:
    """Like ``_by_labels``, for queries and documents, whose row numbers are unrelated."""
    anchor, positive, negative = columns["anchor"], columns["positive"], columns["negative"]
    return {
        "rows_not_distinct": positive == negative,
        "positive_label": labels.pairwise_shared(anchor, positive, of=of_corpus) < 0,
        "negative_label": labels.pairwise_shared(anchor, negative, of=of_corpus) >= 0,
    }


def _by_rule(columns: Mapping[str, NDArray[Any]], rule: MiningRule) -> dict[str, NDArray[np.bool_]]:
    """Check the rule's inequalities exactly as the miner evaluates them: in float64, from the stored float32."""
    sq_p, sq_n = columns["sq_positive"].astype(np.float64), columns["sq_negative"].astype(np.float64)
    rank_p, rank_n = columns["positive_rank"], columns["negative_rank"]
    guards = rule.guards
    refused = np.zeros(len(sq_p), np.bool_)
    if guards.duplicate_sq is not None:
        refused |= sq_n <= guards.duplicate_sq
    if guards.rank_window is not None:
        refused |= (rank_n < guards.rank_window[0]) | (rank_n >= guards.rank_window[1])
    if guards.minimum_sq is not None:
        refused |= sq_n < guards.minimum_sq
    if guards.maximum_sq is not None:
        refused |= sq_n > guards.maximum_sq
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
    """Check the conditions among triplets of one anchor. Of a repeated negative, all but the first are violations."""
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
    """int64 (T,): for each entry the number of earlier entries with the same keys."""
    order = np.lexsort(keys)
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    first = np.flatnonzero(begins)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return number


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
    groups: NDArray[np.int64] | None = None,
    corpus: Corpus | None = None,
) -> AuditReport:
    """Check parts of a triplet set one after the other, so that memory is bounded by the largest.

    parts: columns as mined, of disjoint anchors. sample: about the number of anchors to check, out of `anchors` in all
    parts, spread over the parts by their size; None checks all. Other parameters: see ``check_triplets``.
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
                    groups=groups,
                    corpus=corpus,
                )
            )
    return merge_audits(reports, rows=_asked(labels, excluded, corpus))


def _asked(labels: Labels, excluded: NDArray[np.bool_] | None, corpus: Corpus | None) -> int:
    """The number of rows that could be anchors; of queries, those with a relevant document."""
    if corpus is not None and labels.offsets is not None:
        without = np.diff(labels.offsets) == 0
        excluded = without if excluded is None else excluded | without
    return len(labels) if excluded is None else max(1, len(labels) - int(excluded.sum()))


def merge_audits(reports: list[AuditReport], *, rows: int) -> AuditReport:
    """Merge the reports of disjoint sets of anchors. rows: the number of rows that could be anchors."""
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
