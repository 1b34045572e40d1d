"""ranking/DIGEST.parquet: the pairs and values that a run learns from; and the pairs that its epochs mine."""

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
"""Of the mine stage: row and score of the training rows, by the encoder and the head of the epoch before."""
_FOLDER = "pairs"
_COLUMNS = ("first", "second", "alike")


def keep_ranking(root: Path, table: pa.Table) -> str:
    """Keep a ranking table with the run, where it is not there yet; returns its digest."""
    digest = ranking_digest(table)
    path = _path(root, digest)
    if not path.exists() or _read(path) != digest:
        write_table(path, table)
    return digest


def kept_ranking(root: Path, digest: str) -> pa.Table:
    """The ranking table with this digest. Raises: CorruptError where its file is gone or is another one."""
    path = _path(root, digest)
    if _read(path) != digest:
        raise CorruptError(
            f"{path} is gone or damaged: delete it, the next run writes it again from data.pairs and data.values"
        )
    return read_table(path)


def ranking_digest(table: pa.Table) -> str:
    """Of all that a ranking table says."""
    return digest_json(table.to_pydict())


def _path(root: Path, digest: str) -> Path:
    return root / RANKING / f"{digest[:16]}.parquet"


def _read(path: Path) -> str | None:
    """The digest of what is there; None where that cannot be read."""
    try:
        table = read_table(path)
    except UNREADABLE:
        return None
    return ranking_digest(table) if table.schema.equals(SCHEMA) else None


def pairs_part(index: int) -> str:
    """File of one range of first rows, relative to the folder of the mine stage."""
    return f"{_FOLDER}/part-{index:05d}.parquet"


def mined_pairs(mine: Committed, rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All pairs of a committed mine stage: int64 (P, 2), training rows, and which are alike, bool (P,).

    rows: of the training split. Raises: CorruptError for a file that is not what its receipt says, or has other rows.
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
            f"{mine.folder} has pairs of rows that are none of the {rows} of the training split: {mine.remedy}"
        )
    return pairs, joined["alike"]
