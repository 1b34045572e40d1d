"""The most confused pairs of classes, read in batches from tables that may not fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ....mining.labels import Labels
from ...artifacts.triplets import CONFUSION
from ...errors import CorruptError
from ...plan.refs import StageRef, manifest_of
from ...standalone.triplet_folder import TripletSource
from ...storage.committed import Committed
from ...storage.regular import require_regular
from ...storage.tables import UNREADABLE
from ..content import ConfusedPair, Confusions

_BATCH = 1 << 18
_CANDIDATES = 4096
"""Number of strongest directed pairs kept while reading. Both directions are summed only for these."""


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """codes: int64 (P,), ascending, of unordered pairs of classes. count: int64 (P,). hinge: float64 (P,), sums. found:
    number of pairs in the file, each direction counted."""

    codes: NDArray[np.int64]
    count: NDArray[np.int64]
    hinge: NDArray[np.float64]
    found: int


def pair_codes(class_a: NDArray[np.int32], class_b: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64 code of two classes, independent of their order."""
    low, high = np.minimum(class_a, class_b), np.maximum(class_a, class_b)
    return low.astype(np.int64) << 32 | high.astype(np.int64)


def confusion_file(triplets: TripletSource, root: Path, epoch: int | None = None) -> Path:
    """The confusion table of the triplets, or of another epoch of the run. Raises: CorruptError, UnavailableError."""
    number = triplets.epoch if epoch is None else epoch
    if number is None:
        return triplets.folder / CONFUSION
    ref = StageRef(number, "mine")
    manifest = manifest_of(root, ref)
    if manifest is None:
        raise CorruptError(f"{ref.folder(root)} has lost its manifest: redo it with {ref.redo}")
    return Committed(ref.folder(root), manifest).checked(CONFUSION)


def most_confused(path: Path) -> NDArray[np.int64]:
    """int64 (at most 4096,): codes of the pairs with the highest counts, ascending."""
    codes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for batch in _batches(path, ("class_a", "class_b", "count")):
        codes = np.concatenate([codes, pair_codes(batch["class_a"], batch["class_b"])])
        counts = np.concatenate([counts, batch["count"]])
        strongest = np.argsort(-counts, kind="stable")[:_CANDIDATES]
        codes, counts = codes[strongest], counts[strongest]
    return np.unique(codes)


def count_pairs(path: Path, codes: NDArray[np.int64]) -> PairTable:
    """How often these pairs are confused, both directions summed. codes: ascending."""
    count, hinge = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.float64)
    found = 0
    for batch in _batches(path, ("class_a", "class_b", "count", "mean_hinge")):
        found += len(batch["count"])
        of_batch = pair_codes(batch["class_a"], batch["class_b"])
        wanted = np.isin(of_batch, codes)
        place = np.searchsorted(codes, of_batch[wanted])
        np.add.at(count, place, batch["count"][wanted])
        np.add.at(hinge, place, batch["count"][wanted] * batch["mean_hinge"][wanted])
    return PairTable(codes, count, hinge, found)


def _batches(path: Path, columns: Sequence[str]) -> Iterator[dict[str, NDArray]]:
    try:
        require_regular(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_BATCH, columns=list(columns)):
                yield {name: batch[name].to_numpy() for name in columns}
    except (*UNREADABLE, KeyError) as error:
        raise CorruptError(f"{path} cannot be read ({error}): mine again") from None


def confusions(
    table: PairTable, labels: Labels, *, limit: int, before: PairTable | None = None
) -> Confusions:
    """The `limit` most confused pairs. before: the same pairs in the previous mined epoch."""
    order = np.argsort(-table.count, kind="stable")[:limit]
    return Confusions(tuple(pair_at(table, int(at), labels, before) for at in order), table.found)


def pair_at(table: PairTable, at: int, labels: Labels, before: PairTable | None = None) -> ConfusedPair:
    """One pair, with the names of its classes."""
    code, count = int(table.codes[at]), int(table.count[at])
    return ConfusedPair(
        label_a=str(labels.names[code >> 32]),
        label_b=str(labels.names[code & 0xFFFFFFFF]),
        count=count,
        mean_hinge=float(table.hinge[at] / count) if count else 0.0,
        before=None if before is None else int(before.count[at]),
    )
