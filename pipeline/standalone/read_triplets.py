"""Read mined triplets from a folder of `tripletmine mine` or from a run."""

from pathlib import Path

import numpy as np

from ...mining.miner import COLUMNS, PAIR_COLUMNS
from ...mining.report import MiningReport
from ..artifacts.triplets import coded_columns
from ..errors import SpecError
from .pair_set import PairSet
from .triplet_folder import open_triplets
from .triplet_set import TripletSet, in_order


def read_triplets(folder: str | Path, epoch: int | None = None) -> TripletSet:
    """Read the triplets of a folder written by `tripletmine mine`, or of an epoch of a run, with the keys of their
    rows.

    All triplets are read into memory, at 48 bytes each.

    Args:
        folder: A folder written by `mine`, a run directory, its run file, or the mine folder of an epoch.
        epoch: Epoch of a run; by default the best on validation among those that still have their triplets.

    Raises:
        SpecError: For a folder that is none of these, or an epoch without triplets.
        UnavailableError: For triplets deleted by run.keep.
        CorruptError: For damaged files.
    """
    source = open_triplets(Path(folder), epoch)
    if source.corpus is not None:
        raise SpecError(f"{folder} has triplets of queries and documents: read it with read_pairs")
    parts = [coded_columns(file, source.labels) for file in source.files]
    return TripletSet(
        columns=in_order(parts) if parts else {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()},
        labels=source.labels,
        rule=source.rule,
        report=MiningReport.from_counts(source.counts),
        keys=source.keys,
    )


def read_pairs(folder: str | Path) -> PairSet:
    """Read the triplets written by `tripletmine mine --queries`, with the keys of queries and documents.

    All triplets are read into memory, at 40 bytes each.

    Args:
        folder: The folder written by `mine`.

    Raises:
        SpecError: For a folder without triplets, or with triplets of one set of rows.
        CorruptError: For damaged files.
    """
    source = open_triplets(Path(folder))
    if source.corpus is None:
        raise SpecError(f"{folder} has triplets of one set of rows: read it with read_triplets")
    parts = [coded_columns(file, source.labels) for file in source.files]
    none = {name: np.empty(0, dtype) for name, dtype in PAIR_COLUMNS.items()}
    return PairSet(
        columns=in_order(parts) if parts else none,
        relevance=source.corpus.relevance,
        rule=source.rule,
        report=MiningReport.from_counts(source.counts),
        query_keys=source.keys,
        corpus_keys=source.corpus.keys,
    )
