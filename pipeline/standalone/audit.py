"""Auditing mined triplets, and listing the rows that look mislabelled."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...mining.audit import AuditReport, audit_parts
from ...mining.graphs import exact
from ...mining.graphs.recall import recall_at_k
from ...mining.suspects import Suspects, suspects
from ..artifacts.neighbours import read_some_neighbours, sampled_rows
from ..artifacts.suspects import nearest_of, write_suspects
from ..artifacts.triplets import coded_columns
from ..errors import SpecError, UnavailableError
from .triplet_folder import TripletSource, open_triplets

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TripletAudit:
    """What does not hold among the triplets, and the recall of the neighbour table on `recall_rows` of its rows.

    recall: None where the neighbour table is gone.
    """

    triplets: AuditReport
    recall: float | None
    recall_rows: int


def audit_folder(
    folder: Path,
    *,
    sample: int | None = None,
    recall_sample: int = 1000,
    seed: int = 0,
    note: Note = lambda _: None,
) -> TripletAudit:
    """Derive triplets again from embeddings and labels.

    folder: see `open_triplets`. sample: how many anchors are checked, each with all its triplets; None checks all.
    Raises: SpecError for a folder that is neither; the errors of its files.
    """
    source = open_triplets(folder)
    vectors = source.vectors()
    note(f"{len(source.labels)} rows, {source.labels.classes} classes, {len(source.files)} parts")
    report = audit_parts(
        (coded_columns(path, source.labels) for path in source.files),
        source.labels,
        vectors,
        source.rule,
        sample=sample,
        anchors=len(source.labels),
        seed=seed,
        excluded=source.excluded,
    )
    if not source.neighbours.exists():
        return TripletAudit(report, None, 0)
    rows = sampled_rows(len(source.labels), recall_sample, seed)
    found = read_some_neighbours(source.neighbours, rows)
    true = exact.build(vectors).search(vectors[rows], query_ids=rows, neighbours=found.neighbours, threads=1)
    return TripletAudit(report, recall_at_k(found, true), len(rows))


def list_suspects(folder: Path, out: Path, *, minimum_score: float = 0.5) -> Suspects:
    """Write mislabelled.parquet and false_negatives.parquet into the new folder `out`, for a person to review.

    folder: see `open_triplets`. Raises: SpecError when `out` is there already; UnavailableError without neighbours.
    """
    source: TripletSource = open_triplets(folder)
    if out.exists():
        raise SpecError(f"{out} exists already: choose another folder, or remove it")
    if not source.neighbours.exists():
        raise UnavailableError(f"{source.neighbours} is gone (pruned by run.keep?): take a later epoch")
    every_row = np.arange(len(source.labels), dtype=np.int64)
    found = suspects(
        nearest_of(read_some_neighbours(source.neighbours, every_row)),
        source.labels,
        minimum_score=minimum_score,
    )
    write_suspects(out, found, source.labels, source.keys)
    return found
