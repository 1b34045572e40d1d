"""ranking/DIGEST.parquet, the ranked pairs and values that a run learns from; and the pairs that its epochs mine."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.ranking.read import SCHEMA
from ..errors import CorruptError
from ..storage.committed import Committed
from ..storage.digest import digest_json
from ..storage.tables import UNREADABLE, read_table, write_table
from .triplets import triplet_columns

RANKING = "ranking"
SCORES = "scores.parquet"
"""File of the mine stage: row and score of the training rows, by the encoder and head of the previous epoch."""
_FOLDER = "pairs"
_COLUMNS = ("first", "second", "alike")


def keep_ranking(root: Path, table: pa.Table) -> str:
    """Store a ranking table in the run directory, unless it is there already. Returns its digest."""
    digest = ranking_digest(table)
    path = _path(root, digest)
    if not path.exists() or _read(path) != digest:
        write_table(path, table)
    return digest


def kept_ranking(root: Path, digest: str) -> pa.Table:
    """The ranking table with this digest. Raises: CorruptError if its file is missing or differs."""
    path = _path(root, digest)
    if _read(path) != digest:
        raise CorruptError(
            f"{path} is gone or damaged: delete it, the next run writes it again from data.pairs and data.values"
        )
    return read_table(path)


def ranking_digest(table: pa.Table) -> str:
    """Digest of the content of a ranking table."""
    return digest_json(table.to_pydict())


def _path(root: Path, digest: str) -> Path:
    return root / RANKING / f"{digest[:16]}.parquet"


def _read(path: Path) -> str | None:
    """The digest of the table at `path`; None if it cannot be read."""
    try:
        table = read_table(path)
    except UNREADABLE:
        return None
    return ranking_digest(table) if table.schema.equals(SCHEMA) else None


def pairs_part(index: int) -> str:
    """File of the pairs of one range of first rows, relative to the folder of the mine stage."""
    return f"{_FOLDER}/part-{index:05d}.parquet"


def mined_pairs(mine: Committed, rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All pairs of a committed mine stage: training rows, int64 (P, 2), and whether they are alike, bool (P,).

    rows: number of training rows. Raises: CorruptError for a file that differs from its receipt or has invalid rows.
    """
    parts = [
        triplet_columns(mine, name, _COLUMNS)
        for name in sorted(mine.manifest.files)
        if name.startswith(f"{_FOLDER}/")
    ]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    pairs = np.stack([joined["first"], joined["second"]], axis=1)
    if pairs.dtype != np.int64 or (len(pairs) and not 0 <= pairs.min() <= pairs.max() < rows):
        raise CorruptError(
            f"{mine.folder} has pairs of rows that are not among the {rows} training rows: {mine.remedy}"
        )
    return pairs, joined["alike"]
