"""Reading mined triplets back from where `tripletmine mine` or a run left them."""

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
    """The triplets of a folder that `tripletmine mine` wrote, or of an epoch of a run, with the keys of their rows.

    All of them are read into memory: 48 bytes each.

    Args:
        folder: Of `mine`; or a run directory, its run file, or the mine folder of an epoch.
        epoch: Of a run; by default the best on validation of those that still have their triplets.

    Raises:
        SpecError: For a folder that is none of these, or an epoch without triplets.
        UnavailableError: For triplets that run.keep had deleted.
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
    """The triplets of queries and documents that `tripletmine mine --queries` wrote, with the keys of both.

    All of them are read into memory: 40 bytes each.

    Args:
        folder: Of `mine`.

    Raises:
        SpecError: For a folder that is none.
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
