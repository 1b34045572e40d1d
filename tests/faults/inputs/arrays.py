"""Arrays of every type and shape in .npy, .npz, Zarr and Parquet files, whole and damaged."""

import io
import struct
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from hypothesis import strategies as st
from numpy.typing import NDArray

from .damage import cut, edited

NUMBERS = ("<f4", ">f4", "<f2", ">f2", "<f8", ">f8", "g", "i1", "<i4", ">i8", "<u2", ">u4", "u1", "u1")
_NO_NUMBERS = ("?", "c8", "M8[s]", "m8[s]", "O", "U3", "S2", "V4", [("a", "<f4"), ("b", "<i4")])
_SHAPES = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 4)),
    st.tuples(st.integers(1, 5), st.integers(1, 4)),
    st.lists(st.integers(1, 3), min_size=3, max_size=4).map(tuple),
    st.lists(st.integers(0, 2), max_size=5).map(tuple),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file or folder that `write` makes.

    values: what was written; None if the file has other contents. must: see `pictures.Picture`.
    """

    write: Callable[[Path], Path]
    values: NDArray[Any] | None
    must: Literal["read", "refused", "either", "end"] = "read"

    @property
    def items(self) -> NDArray[Any] | None:
        """What the data set has: uint8 as it is, other real numbers as float32; None where they must be refused."""
        values = self.values
        if (
            values is None
            or values.dtype.kind not in "iuf"
            or values.ndim not in (2, 3, 4)
            or not values.size
        ):
            return None
        with np.errstate(over="ignore"):
            return values if values.dtype == np.uint8 else values.astype(np.float32)


_TYPES = tuple(np.dtype(kind) for kind in (*NUMBERS * 3, *_NO_NUMBERS))  # type: ignore[arg-type]


@st.composite
def values(
    draw: st.DrawFn, types: Sequence[np.dtype[Any]] = _TYPES, shapes: st.SearchStrategy[Any] = _SHAPES
) -> NDArray[Any]:
    """Any array, most of them of real numbers."""
    dtype, shape = draw(st.sampled_from(types)), draw(shapes)
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    if dtype.kind == "f":
        array = random.standard_normal(shape).astype(dtype)
        if array.size and draw(st.integers(0, 3)) == 0:
            with np.errstate(over="ignore"):
                array.flat[draw(st.integers(0, array.size - 1))] = draw(
                    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 1e38, 1e-320, -0.0])
                )
    elif dtype.kind in "iu":
        array = np.frombuffer(random.bytes(prod(shape) * dtype.itemsize), dtype).reshape(shape)
    elif dtype.kind == "V" and dtype.names:
        array = np.zeros(shape, dtype)
    else:
        array = random.integers(0, 3, shape).astype("U1" if dtype.kind in "USV" else "i8").astype(dtype)
    match draw(st.sampled_from(["C", "C", "F", "strided", "reversed"])):
        case "F":
            return np.asfortranarray(array)
        case "strided" if array.ndim:
            return np.repeat(array, 2, axis=0)[::2]
        case "reversed" if array.ndim:
            return array[::-1]
    return array


@st.composite
def in_memory(draw: st.DrawFn) -> tuple[Any, NDArray[Any] | None]:
    """Something passed as vectors, and the array that it stands for; None if it stands for none."""
    array = draw(values())
    match draw(st.sampled_from(["array", "array", "list", "ragged", "masked", "frame"])):
        case "list" if array.dtype.kind in "iufU":
            return array.tolist(), np.array(array.tolist())
        case "ragged" if array.ndim == 2 and len(array) > 1:
            return [*array.tolist()[:-1], array.tolist()[-1] * 2], array if not array.shape[1] else None
        case "masked" if array.dtype.kind in "iuf":
            mask = np.random.default_rng(array.size).random(array.shape) < 0.3
            return np.ma.MaskedArray(array, mask), None if mask.any() else array
        case "frame" if array.ndim == 2 and array.dtype.kind in "iuf" and array.dtype.isnative:
            return pd.DataFrame(array), array
    return array, array


def arrays() -> st.SearchStrategy[Stored]:
    """An array in any format."""
    return st.one_of(npy(), npz(), in_zarr(), in_parquet())


@st.composite
def npy(draw: st.DrawFn) -> Stored:
    """.npy in each version of the format: intact, cut, edited, or with a false header."""
    array = draw(values())
    version = draw(st.sampled_from([None, (1, 0), (2, 0), (3, 0)]))
    content = npy_bytes(array, version)
    must = "refused" if array.dtype.hasobject else "read"
    match draw(st.sampled_from(["whole"] * 8 + ["cut", "edited", "huge"])):
        case "cut":
            return Stored(file("x.npy", draw(cut(content))), None, "refused")
        case "edited":
            return Stored(file("x.npy", draw(edited(content))), None, "end")
        case "huge":
            shape = draw(
                st.sampled_from(
                    [(2**40, 4), (2**62, 2**62), (2**31, 2), (-1, 3), (10**30, 2), (True, 2), (2.0, 2)]
                )
            )
            return Stored(file("x.npy", npy_header(shape) + bytes(64)), None, "refused")
    return Stored(file("x.npy", content), array, must)


@st.composite
def npz(draw: st.DrawFn) -> Stored:
    """.npz, compressed or not; of several arrays, the one with a usual name for vectors counts."""
    array = draw(values())
    name = draw(st.sampled_from(["embeddings", "x", "X", "features", "arr_0", "mine"]))
    others = draw(st.dictionaries(st.sampled_from(["ids", "means"]), st.just(np.arange(3)), max_size=2))
    buffer = io.BytesIO()
    save = draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(buffer, **{**others, name: array})
    known = not others or name not in ("arr_0", "mine")
    content = buffer.getvalue()
    match draw(st.sampled_from(["whole"] * 8 + ["cut", "edited", "huge", "other"])):
        case "cut":
            return Stored(file("x.npz", draw(cut(content))), None, "refused")
        case "edited":
            return Stored(file("x.npz", draw(edited(content))), None, "end")
        case "huge":
            return Stored(zipped(npy_header((2**40, 4)) + bytes(64)), None, "refused")
        case "other":
            return Stored(zipped(draw(st.binary(max_size=20))), None, "refused")
    return Stored(file("x.npz", content), array, "read" if known and not array.dtype.hasobject else "refused")


@st.composite
def in_zarr(draw: st.DrawFn) -> Stored:
    """Zarr of formats 2 and 3, in chunks and shards, compressed in several ways; with a chunk missing, cut or
    edited."""
    array = draw(values([each for each in _TYPES if each.char not in "OVmMg"]))
    form = draw(st.sampled_from([2, 3]))
    chunks = tuple(draw(st.integers(1, max(1, side))) for side in array.shape)
    shards = None
    if form == 3 and array.ndim and 0 not in array.shape and draw(st.booleans()):
        shards = tuple(chunk * draw(st.integers(1, 2)) for chunk in chunks)
    codecs = {
        2: [None, {"id": "zlib"}, {"id": "blosc"}, {"id": "zstd"}],
        3: [
            None,
            "auto",
            {"name": "gzip", "configuration": {"level": 1}},
            {"name": "zstd", "configuration": {"level": 1, "checksum": True}},
        ],
    }
    options = {
        "chunks": chunks,
        "shards": shards,
        "order": draw(st.sampled_from(["C", "F"])) if form == 2 else None,
        "compressors": draw(st.sampled_from(codecs[form])),
        "config": {"write_empty_chunks": True},
    }
    grouped = draw(st.sampled_from([None, None, "x", "mine"]))
    harm = draw(st.sampled_from(["whole"] * 7 + ["missing", "cut", "edited", "metadata", "empty"]))
    which, content = (
        draw(st.integers(0, 99)),
        draw(st.data()) if harm in ("cut", "edited", "metadata") else None,
    )

    def write(folder: Path) -> Path:
        path = folder / "x.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # strings of fixed width are not in format 3's specification
            at = zarr.create_group(path, zarr_format=form) if grouped else str(path)  # type: ignore[arg-type]
            create = at.create_array if isinstance(at, zarr.Group) else zarr.create_array
            where = {"name": grouped} if grouped else {"store": at, "zarr_format": form}
            stored = create(**where, shape=array.shape, dtype=array.dtype, **options)  # type: ignore[arg-type]
            stored[...] = array
        files = sorted(each for each in path.rglob("*") if each.is_file())
        about = [each for each in files if each.name.startswith(".z") or each.name == "zarr.json"]
        data = [each for each in files if each not in about]
        chosen = about if harm == "metadata" else data
        if harm == "empty":
            about[-1].unlink()
        elif harm != "whole" and chosen:
            harmed = chosen[which % len(chosen)]
            if harm == "missing":
                harmed.unlink()
            elif content is not None:
                change = cut if harm == "cut" else edited
                harmed.write_bytes(content.draw(change(harmed.read_bytes())))
        return path

    if harm == "whole":
        return Stored(write, array)
    # An empty array has no chunk.
    if not array.size:
        return Stored(write, array, "end")
    return Stored(write, array, "refused" if harm == "missing" else "either" if harm == "cut" else "end")


@st.composite
def in_parquet(draw: st.DrawFn) -> Stored:
    """A column of lists, of fixed or variable length."""
    types = [each for each in _TYPES if each.kind in "iuf" and each.char != "g"]
    array = draw(values(types, st.tuples(st.integers(0, 5), st.integers(0, 4))))
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    flat = pa.array(array.ravel())
    kind = draw(st.sampled_from(["list", "large", "fixed", "ragged", "null", "inner null"]))
    rows, width = array.shape
    if kind == "fixed" and width:
        column: pa.Array = pa.FixedSizeListArray.from_arrays(flat, width)
    else:
        lists: list[Any] = array.tolist()
        if kind == "ragged" and rows > 1:
            lists[-1] = [*lists[-1], 1]
        elif kind == "null" and rows:
            lists[draw(st.integers(0, rows - 1))] = None
        elif kind == "inner null" and array.size:
            lists[0][0] = None
        column = pa.array(lists, (pa.large_list if kind == "large" else pa.list_)(flat.type))
    buffer = io.BytesIO()
    table = pa.table(
        {draw(st.sampled_from(["embedding", "mine"])): column, "label": pa.nulls(rows, pa.string())}
    )
    pq.write_table(table, buffer, row_group_size=draw(st.sampled_from([1, 100])))
    content = buffer.getvalue()
    match draw(st.sampled_from(["whole"] * 8 + ["cut", "edited"])):
        case "cut":
            return Stored(file("x.parquet", draw(cut(content))), None, "refused")
        case "edited":
            return Stored(file("x.parquet", draw(edited(content))), None, "end")
    odd = (
        (kind == "ragged" and rows > 1) or (kind == "null" and rows) or (kind == "inner null" and array.size)
    )
    return Stored(file("x.parquet", content), array, "refused" if odd else "read")


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    """A function that writes this content into a folder."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return write


def zipped(member: bytes) -> Callable[[Path], Path]:
    """An .npz with this as its only member."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", member)
    return file("x.npz", buffer.getvalue())


def npy_bytes(array: NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    """The file that NumPy writes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.lib.format.write_array(buffer, array, version, allow_pickle=True)
    return buffer.getvalue()


def npy_header(shape: tuple[Any, ...]) -> bytes:
    """The header of an .npy file of float32 with this shape."""
    text = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
