"""Find missing and damaged chunks of a Zarr array.

Zarr reads a missing chunk as fill values. From 3.2 on `array.read_missing_chunks` can forbid that for whole chunk
files, but not for chunks inside a shard; this module checks both, with any version.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

FILLED = "missing_chunks"
"""Attribute of an array; "fill_value" declares that chunks are missing on purpose and stand for fill values."""

_METADATA = {"zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"}
_NOWHERE = 2**64 - 1
"""Offset and length, in a shard's index, of a chunk that is not in the shard (Zarr's sharding codec, 1.0)."""


class ChunkError(ValueError):
    """A missing or damaged chunk. The message has no remedy; the caller, who knows the array's origin, adds one."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The missing chunks of an array. first: file of the first one, and its position if it is within a shard.

    count: number of missing files or, if no file is missing, of missing chunks within shards.
    """

    first: str
    count: int


def is_meant_to_be_sparse(array: zarr.Array) -> bool:
    """Whether the array's attributes declare that missing chunks stand for fill values."""
    return array.attrs.get(FILLED) == "fill_value"


def missing_chunks(array: zarr.Array) -> Missing | None:
    """The chunks that were never written or were lost; None if there are none.

    Reads only file names, the index of each shard, and Blosc headers.
    Raises: ChunkError for a shard whose index cannot be read, or a truncated Blosc chunk.
    """
    grid = _grid(array.shape, array.shards or array.chunks)
    files = _files(array)
    absent = _absent_files(array, grid, files)
    if absent is not None:
        return absent
    if array.shards is None:
        _require_whole_blosc(array, files)
        return None
    index = _Index.of(array)
    first, count = None, 0
    for place in _places(grid):
        lost = index.missing(array, place)
        first = first or next(iter(lost), None)
        count += len(lost)
    return None if first is None else Missing(first, count)


def read_chunks(array: zarr.Array, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray:  # immutable
    """Some or all rows of an array. Raises: ChunkError, naming the damaged file; MemoryError."""
    try:
        return np.asarray(array[rows] if isinstance(rows, slice) else array.oindex[rows])
    except MemoryError:
        raise
    except Exception as error:  # each codec raises its own errors
        found = _damaged(array, rows)
        where = f"its chunk {found} is damaged" if found else "it cannot be read"
        raise ChunkError(f"{where} ({type(error).__name__}: {error})") from error


def _damaged(array: zarr.Array, rows: NDArray[np.int64] | slice) -> str | None:
    """The first chunk file of `rows` that cannot be read, or None."""
    sides = array.shards or array.chunks
    wanted = np.arange(array.shape[0])[rows] if isinstance(rows, slice) else rows
    of_rows = np.unique(wanted // sides[0]).tolist()
    for place in product(of_rows, *map(range, _grid(array.shape, sides)[1:])):
        try:
            array[tuple(slice(at * side, (at + 1) * side) for at, side in zip(place, sides, strict=True))]
        except Exception:
            return _name(array, place)
    return None


def _grid(shape: Sequence[int], sides: Sequence[int]) -> tuple[int, ...]:
    return tuple(-(-length // side) for length, side in zip(shape, sides, strict=True))


def _places(grid: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All positions in C order, lazily: itertools.product would first make a list of each axis."""
    for number in range(prod(grid)):
        rest, place = number, []
        for length in reversed(grid):
            rest, at = divmod(rest, length)
            place.append(at)
        yield tuple(reversed(place))


def _name(array: zarr.Array, place: tuple[int, ...]) -> str:
    """The file of a chunk or shard, relative to the array."""
    return array.metadata.encode_chunk_key(place)


def _files(array: zarr.Array) -> set[str]:
    prefix = f"{array.path}/" if array.path else ""

    async def listed() -> set[str]:
        return {name.removeprefix(prefix) async for name in array.store.list_prefix(prefix)}

    return {name for name in sync(listed()) if name.rpartition("/")[2] not in _METADATA}


def _absent_files(array: zarr.Array, grid: tuple[int, ...], files: set[str]) -> Missing | None:
    """The missing chunk files. Stops after as many positions as there are files, since a false shape may be huge."""
    names = (_name(array, place) for place in _places(grid))
    first = next((name for name in islice(names, len(files) + 1) if name not in files), None)
    return None if first is None else Missing(first, max(1, prod(grid) - len(files)))


def _require_whole_blosc(array: zarr.Array, files: set[str]) -> None:
    """Check that no Blosc chunk is truncated: Blosc trusts the size in the header and would read beyond the buffer.

    Raises: ChunkError, naming the first such chunk.
    """
    if not any(_is_blosc(codec) for codec in array.compressors[-1:]):
        return
    for name in sorted(files):
        key = f"{array.path}/{name}" if array.path else name
        header = sync(array.store.get(key, default_buffer_prototype(), RangeByteRequest(0, _BLOSC_HEADER)))
        content = b"" if header is None else header.to_bytes()
        stored = sync(array.store.getsize(key))
        if len(content) < _BLOSC_HEADER or int.from_bytes(content[12:16], "little") != stored:
            raise ChunkError(f"its chunk {name} is cut off")


_BLOSC_HEADER = 16
"""Size in bytes; the last four bytes give the size of the chunk (Blosc 1, README_CHUNK_FORMAT)."""


def _is_blosc(codec: object) -> bool:
    """Whether the codec is Blosc, of Zarr format 3 or of numcodecs in format 2."""
    return isinstance(codec, BloscCodec) or getattr(codec, "codec_id", None) == "blosc"


@dataclass(frozen=True, slots=True)
class _Index:
    """The layout of a shard's index. at_end: whether it is at the end of the shard or at its beginning. dtype: of its
    numbers. checksum: bytes of the checksum after it. inner: chunks of a shard along each axis."""

    at_end: bool
    dtype: str
    checksum: int
    inner: tuple[int, ...]

    @classmethod
    def of(cls, array: zarr.Array) -> "_Index":
        codecs = getattr(array.metadata, "codecs", ())
        match codecs:
            case [ShardingCodec(codecs=inner, index_codecs=(BytesCodec() as numbers, *sums)) as sharding] if (
                not isinstance(inner[0], ShardingCodec)
                and all(isinstance(each, Crc32cCodec) for each in sums)
                and array.shards is not None
            ):
                # Enums in Zarr 3.1, strings in 3.4.
                order, place = (getattr(it, "value", it) for it in (numbers.endian, sharding.index_location))
                return cls(
                    at_end=place == "end",
                    dtype=">u8" if order == "big" else "<u8",
                    checksum=4 * len(sums),
                    inner=_grid(array.shards, array.chunks),
                )
        names = ", ".join(type(codec).__name__ for codec in codecs)
        raise ChunkError(
            f"its shards are encoded in a way ({names}) that does not show which of their chunks are missing"
        )

    def missing(self, array: zarr.Array, shard: tuple[int, ...]) -> list[str]:
        """The missing chunks of one shard, without those that are wholly outside the array."""
        size = 16 * prod(self.inner) + self.checksum
        wanted = SuffixByteRequest(size) if self.at_end else RangeByteRequest(0, size)
        key = f"{array.path}/{_name(array, shard)}" if array.path else _name(array, shard)
        found = sync(array.store.get(key, default_buffer_prototype(), wanted))
        content = b"" if found is None else found.to_bytes()
        if len(content) != size:
            raise ChunkError(f"its shard {_name(array, shard)} is cut off")
        entries = np.frombuffer(content[: size - self.checksum], self.dtype).reshape(-1, 2)
        lost = np.argwhere((entries == _NOWHERE).all(axis=1).reshape(self.inner))
        return [
            f"{_name(array, shard)} ({', '.join(map(str, place))})"
            for place in lost.tolist()
            if self._inside(array, shard, place)
        ]

    def _inside(self, array: zarr.Array, shard: tuple[int, ...], place: list[int]) -> bool:
        corners = zip(shard, self.inner, place, array.chunks, array.shape, strict=True)
        return all((outer * count + at) * side < length for outer, count, at, side, length in corners)
