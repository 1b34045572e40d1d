"""What a range of anchors counted by class: kept in the mine stage's scratch folder until all ranges are merged.

Six arrays, one after the other in NumPy's own format, which is their dtype, shape and bytes and nothing else: a digest
of it is in the manifest, and must be the same wherever it was made. (A .npz has what Python's zip writer puts around.)
"""

from pathlib import Path

import numpy as np

from ...mining.compute.npy import npy_bytes
from ...mining.confusion import Confusion
from ...mining.report import ClassCounts
from ..storage.digest import digest_file
from ..storage.publish import published


def keep_by_class(path: Path, confusion: Confusion, triplets: ClassCounts) -> str:
    """Publish what one range counted; returns the digest of the file."""
    of_pairs = (confusion.class_a, confusion.class_b, confusion.count, confusion.hinge)
    with published(path) as partial:
        partial.write_bytes(b"".join(map(npy_bytes, (*of_pairs, triplets.classes, triplets.triplets))))
    return digest_file(path)


def kept_by_class(path: Path, sha256: str) -> tuple[Confusion, ClassCounts] | None:
    """What `keep_by_class` wrote; None where the file is gone or was damaged."""
    if not path.exists() or digest_file(path) != sha256:
        return None
    with path.open("rb") as file:
        arrays = [np.load(file, allow_pickle=False) for _ in range(6)]
    return Confusion(*arrays[:4]), ClassCounts(*arrays[4:])
