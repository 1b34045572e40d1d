"""The remedies in messages about files of vectors and their labels work."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from remedies import Call, Refusal
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.safety import memory
from tripletmine.pipeline.data.tables.form import AS_USUAL, TableForm
from tripletmine.pipeline.data.vectors import open_labels, suffix
from tripletmine.pipeline.errors import DataError
from zarr.codecs import ShardingCodec

VECTORS = np.eye(4, dtype=np.float32)
LABELS = np.array(["a", "b", "a", "b"])


def read(location: str, labels: str | None = None, form: TableForm = AS_USUAL) -> None:
    """All that a run reads of it."""
    data = Arrays(location, labels, form=form)
    assert len(data.read(range(len(data)))) == len(data.rows)


def npy(
    vectors: np.ndarray = VECTORS,
    labels: np.ndarray = LABELS,
    name: str = "x.npy",
    beside: str | None = "y.npy",
) -> Call:
    """Write both, and read them."""

    def saved() -> None:
        np.save(name, vectors)
        np.save("y.npy", labels)
        read(name, beside)

    return saved


def npz(form: TableForm = AS_USUAL, **arrays: Any) -> Call:
    return lambda: (np.savez("x.npz", **arrays), read("x.npz", form=form))


def parquet(**columns: Any) -> Call:
    return lambda: (pq.write_table(pa.table(columns), "x.parquet"), read("x.parquet"))


def labels(values: Any, separator: str | None = None) -> Call:
    """Labels alone."""
    return lambda: (np.save("y.npy", np.array(values)), open_labels("y.npy", separator=separator))


def cut_off(path: str) -> Call:
    """Lose half of the file, and read it."""

    def halved() -> None:
        npy()()
        Path(path).write_bytes(Path(path).read_bytes()[: Path(path).stat().st_size // 2])
        read("x.npy", "y.npy")

    return halved


def zarr_array(*, whole: bool = True, fill: bool = False, empty: bool = True, **layout: Any) -> Call:
    """Write the array anew. whole: keep all chunks, though one is zeros. fill: say that missing ones are meant."""

    def made() -> None:
        with zarr.config.set({"array.write_empty_chunks": empty}):
            array = zarr.create_array(
                "x.zarr", data=VECTORS - VECTORS[0], chunks=(1, 4), overwrite=True, **layout
            )
        if fill:
            array.attrs["missing_chunks"] = "fill_value"
        if not whole:
            Path("x.zarr/c/2/0").unlink()
        np.save("y.npy", LABELS)
        read("x.zarr", "y.npy")

    return made


def zarr_group(*, damaged: bool) -> Call:
    def made() -> None:
        group = zarr.create_group("g.zarr", overwrite=True)
        for name in ("clip", "embeddings"):
            group.create_array(name, data=VECTORS)
        if damaged:
            Path("g.zarr/clip/zarr.json").write_text("{}")
        np.save("y.npy", LABELS)
        read("g.zarr", "y.npy")

    return made


def nested_shards() -> None:
    inner = ShardingCodec(chunk_shape=(1, 4))
    codec = ShardingCodec(chunk_shape=(2, 4), codecs=(inner,))
    with warnings.catch_warnings(action="ignore"):
        zarr.create_array("x.zarr", data=VECTORS, chunks=(4, 4), serializer=codec, compressors=None)
    read("x.zarr")


def declares_too_much() -> None:
    array = zarr.create_array("x.zarr", shape=(10**15, 4), chunks=(1, 4), dtype="f4")
    array.attrs["missing_chunks"] = "fill_value"
    read("x.zarr")


def restored_chunk() -> None:
    """Put the lost chunk back."""
    with pytest.raises(DataError):
        zarr_array(whole=False)()
    kept = zarr.create_array("kept.zarr", data=VECTORS - VECTORS[0], chunks=(1, 4))
    Path("kept.zarr/c/2/0").rename("x.zarr/c/2/0")
    assert kept.shape == (4, 4)
    read("x.zarr", "y.npy")


def damaged_chunk() -> None:
    zarr_array()()
    Path("x.zarr/c/2/0").write_bytes(b"no zstd")
    read("x.zarr", "y.npy")


def member_that_is_no_array() -> None:
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("embeddings.npy", b"text")
    read("x.npz")


def lying_header() -> None:
    content = io.BytesIO()
    np.save(content, VECTORS)
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("embeddings.npy", content.getvalue()[:-8])
    read("x.npz", "y.npy")


def in_folder(name: str) -> Call:
    """Write a folder and files in it and beside it, and read the one with this name."""

    def made() -> None:
        Path("set").mkdir(exist_ok=True)
        np.save("y.npy", LABELS)
        np.save("set/x.npy", VECTORS)
        pq.write_table(pa.table({"embedding": list(VECTORS), "label": LABELS}), "other.parquet")
        read(name, None if name == "other.parquet" else "y.npy")

    return made


RAGGED = [[1.0, 0.0], [1.0], [0.0, 1.0], [1.0, 1.0]]
BROKEN = np.where(np.arange(4)[:, None] == 2, np.nan, VECTORS)

REFUSALS = {
    "no labels": Refusal(
        npy(beside=None), "data.labels is missing but x.npy has no labels: name the file of labels", npy()
    ),
    "labels of other rows": Refusal(
        npy(labels=LABELS[:3]),
        "y.npy has 3 labels but x.npy has 4 rows: give the labels of the same rows, in the same order",
        npy(),
    ),
    "NaN": Refusal(
        npy(BROKEN),
        "has NaN or infinite values in row 2 (from 0), and in 1 of the 4 rows read: mend them or leave them out",
        npy(np.nan_to_num(BROKEN)),
        npy(np.delete(BROKEN, 2, axis=0), np.delete(LABELS, 2)),
    ),
    "another shape": Refusal(
        npy(VECTORS[0]),
        "x.npy has shape (4,) but must be (N, D), (N, H, W) or (N, H, W, C): reshape it",
        *(npy(VECTORS.reshape(4, *shape)) for shape in ((4,), (2, 2), (2, 2, 1))),
    ),
    "complex numbers": Refusal(
        npy(VECTORS * 1j),
        "must be real numbers: convert them to float32",
        npy((VECTORS * 1j).imag.astype("f4")),
    ),
    "nothing": Refusal(npy(VECTORS[:0]), "which is empty: name another file", npy(name="other.npy")),
    "cut off": Refusal(cut_off("x.npy"), "restore it, or write it again", npy()),
    "cut off in an archive": Refusal(
        lying_header, "restore it, or write it again", npz(embeddings=VECTORS, labels=LABELS)
    ),
    "gone": Refusal(lambda: read("gone.npy"), "gone.npy does not exist: correct its path", npy()),
    "objects": Refusal(
        npz(embeddings=VECTORS, label=LABELS.astype(object)),
        "Object arrays cannot be loaded when allow_pickle=False: restore it, or write it again",
        npz(embeddings=VECTORS, label=LABELS),
    ),
    "labels of no kind": Refusal(
        labels(np.array([1j, 2j])), "restore it, or write it again", labels(np.array([1, 2]))
    ),
    "damaged Parquet": Refusal(
        lambda: (Path("x.parquet").write_bytes(b"PAR1"), read("x.parquet")),
        "restore it, or write it again",
        parquet(embedding=list(VECTORS), label=LABELS),
    ),
    "a group that is damaged": Refusal(
        zarr_group(damaged=True), "restore it, or write it again", zarr_group(damaged=False)
    ),
    "labels of two dimensions": Refusal(
        labels([["a", "b"], ["a", "c"]]),
        "store several labels for a row as lists in Parquet, or as strings with data.label_separator",
        parquet(embedding=list(VECTORS[:2]), label=[["a", "b"], ["a", "c"]]),
        labels(["a|b", "a|c"], "|"),
    ),
    "labels in Latin-1": Refusal(
        labels(["café".encode("latin-1")]),
        "write them as strings, or encode them in UTF-8",
        labels(["café"]),
        labels(["café".encode()]),
    ),
    "another format": Refusal(
        lambda: suffix("x.mat"),
        "x.mat is neither .npy, .npz, .parquet nor .zarr: convert it to one of them",
        *(lambda name=name: suffix(name) for name in ("x.npy", "x.npz", "x.parquet", "x.zarr")),
    ),
    "a folder of arrays": Refusal(
        in_folder("set"),
        "is a folder with neither a Zarr array nor Parquet files in it: name one that has some, or name a file",
        zarr_array(),
        in_folder("other.parquet"),
        in_folder("set/x.npy"),
    ),
    "shards in shards": Refusal(
        nested_shards, "restore it, or write it again with shards of one level", zarr_array(shards=(2, 4))
    ),
    "more than any memory": Refusal(declares_too_much, "restore the file if it is damaged", zarr_array()),
    "several arrays": Refusal(
        npz(clip=VECTORS, dino=VECTORS, label=LABELS),
        "x.npz has the arrays clip, dino, label: call one embeddings or embedding",
        npz(embeddings=VECTORS, dino=VECTORS, label=LABELS),
        npz(clip=VECTORS, embedding=VECTORS, label=LABELS),
    ),
    "an array of another name": Refusal(
        npz(TableForm(columns=(("vector", "klip"),)), clip=VECTORS, dino=VECTORS, label=LABELS),
        "x.npz has the arrays clip, dino, label: call one klip",
        npz(TableForm(columns=(("vector", "klip"),)), klip=VECTORS, dino=VECTORS, label=LABELS),
    ),
    "no array in an archive": Refusal(
        member_that_is_no_array,
        'x.npz, "embeddings" is not an array: write the file again with numpy.savez',
        npz(embeddings=VECTORS, label=LABELS),
    ),
    "missing chunks": Refusal(
        zarr_array(whole=False),
        "restore them, or write the array again under zarr.config.set({"
        '"array.write_empty_chunks": True}); if they are meant to be 0.0, set its attribute '
        'array.attrs["missing_chunks"] = "fill_value"',
        restored_chunk,
        zarr_array(empty=True),
        zarr_array(whole=False, fill=True),
    ),
    "chunks that Zarr left out": Refusal(
        zarr_array(empty=False),
        "array.write_empty_chunks",
        zarr_array(empty=True),
        zarr_array(empty=False, fill=True),
    ),
    "a damaged chunk": Refusal(damaged_chunk, "restore it, or write it again", zarr_array()),
    "columns of numbers": Refusal(
        parquet(clip=list(VECTORS), dino=list(VECTORS), label=LABELS),
        "x.parquet has the columns of numbers clip, dino: call one of them embeddings or embedding",
        parquet(embeddings=list(VECTORS), dino=list(VECTORS), label=LABELS),
        parquet(clip=list(VECTORS), embedding=list(VECTORS), label=LABELS),
    ),
    "several widths": Refusal(
        parquet(embedding=RAGGED, label=LABELS),
        "has vectors of different lengths, or empty cells: give each row the same number of values",
        parquet(embedding=[row * 2 if len(row) == 1 else row for row in RAGGED], label=LABELS),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)


def test_what_is_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.ones((1 << 16, 8), np.float32)

    def whole(mib: int) -> Call:
        def opened() -> None:
            monkeypatch.setattr(memory, "machine_memory_mib", lambda: mib)
            np.savez("x.npz", embeddings=rows)
            Arrays("x.npz").read_stored()

        return opened

    def split() -> None:
        monkeypatch.setattr(memory, "machine_memory_mib", lambda: 1)
        for number, part in enumerate(np.split(rows, 8)):
            np.savez(f"{number}.npz", embeddings=part)
            Arrays(f"{number}.npz").read_stored()

    Refusal(
        whole(1),
        "this machine has 1 MiB: restore the file if it is damaged, otherwise split it, or use a larger machine",
        split,
        whole(100),
    ).require(DataError)
