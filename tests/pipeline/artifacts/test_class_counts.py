from hashlib import sha256
from pathlib import Path

import numpy as np
from tripletmine.mining.confusion import Confusion
from tripletmine.mining.report import ClassCounts
from tripletmine.pipeline.artifacts.class_counts import keep_by_class, kept_by_class

CONFUSION = Confusion(
    np.array([0, 2], np.int32), np.array([1, 0], np.int32), np.array([5, 7], np.int64), np.array([0.5, 0.25])
)
COUNTS = ClassCounts(np.array([0, 2], np.int32), np.array([3, 4], np.int64))
ARRAYS = (
    CONFUSION.class_a,
    CONFUSION.class_b,
    CONFUSION.count,
    CONFUSION.hinge,
    COUNTS.classes,
    COUNTS.triplets,
)


def test_counts_come_back_as_they_were(tmp_path: Path) -> None:
    kept = kept_by_class(tmp_path / "a.npy", keep_by_class(tmp_path / "a.npy", CONFUSION, COUNTS))
    assert kept is not None
    confusion, counts = kept
    found = (
        confusion.class_a,
        confusion.class_b,
        confusion.count,
        confusion.hinge,
        counts.classes,
        counts.triplets,
    )
    for before, after in zip(ARRAYS, found, strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_the_digest_depends_on_the_arrays_alone(tmp_path: Path) -> None:
    """Written by hand: the header of NumPy's format 1.0, padded to 128 bytes, and the values in memory.

    A manifest has this digest, and must be the same under every Python, which the zip headers of an .npz are not.
    """
    expected = b""
    for array in ARRAYS:
        header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': (2,), }}"
        expected += b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117).encode() + b"\n" + array.tobytes()
    assert keep_by_class(tmp_path / "a.npy", CONFUSION, COUNTS) == sha256(expected).hexdigest()


def test_what_was_damaged_or_is_gone_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    digest = keep_by_class(path, CONFUSION, COUNTS)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert kept_by_class(path, digest) is None
    path.unlink()
    assert kept_by_class(path, digest) is None
