"""Counts by class of one range of anchors, in the mine stage's scratch folder until all ranges are merged.

A file holds six arrays, one after the other, in NumPy's .npy format: dtype, shape and bytes, nothing else. Its digest
is in the manifest and must be the same wherever it was made. (The bytes of a .npz also depend on Python's zip writer.)
"""

from pathlib import Path

import numpy as np

from ...mining.compute.npy import npy_bytes
from ...mining.confusion import Confusion
from ...mining.report import ClassCounts
from ..storage.digest import digest_file
from ..storage.publish import published


def keep_by_class(path: Path, confusion: Confusion, triplets: ClassCounts) -> str:
    """Publish the counts of one range. Returns the digest of the file."""
    of_pairs = (confusion.class_a, confusion.class_b, confusion.count, confusion.hinge)
    with published(path) as partial:
        partial.write_bytes(b"".join(map(npy_bytes, (*of_pairs, triplets.classes, triplets.triplets))))
    return digest_file(path)


def kept_by_class(path: Path, sha256: str) -> tuple[Confusion, ClassCounts] | None:
    """Read what `keep_by_class` wrote; None if the file is missing or damaged."""
    if not path.exists() or digest_file(path) != sha256:
        return None
    with path.open("rb") as file:
        arrays = [np.load(file, allow_pickle=False) for _ in range(6)]
    return Confusion(*arrays[:4]), ClassCounts(*arrays[4:])
