"""Triplets derived again from embeddings and labels, as their files hold them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mining.audit import VIOLATIONS, AuditReport, Violation, check_triplets
from ..mining.labels import Labels
from ..mining.rule import MiningRule

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
) -> AuditReport:
    """Check triplet parts one after the other, so that memory follows the largest of them.

    parts: columns as mined, each part with anchors of its own. sample: about how many of the `anchors` of all parts
    are checked, spread over the parts by their size; None checks all.
    """
    reports = []
    for number, columns in enumerate(parts):
        mine = len(np.unique(columns["anchor"]))
        share = None if sample is None else -(-sample * mine // max(anchors, 1))
        if mine and share != 0:
            reports.append(check_triplets(columns, labels, vectors, rule, sample=share, seed=seed + number))
    return merge_audits(reports, rows=len(labels))


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
