"""The remedies in messages about Fashion-MNIST's files and the typefaces of letters work."""

import gzip
import shutil
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pytest
from remedies import Call, Refusal
from tripletmine.pipeline.data import fashion_mnist
from tripletmine.pipeline.data.letters import faces
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.load import parse_spec

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(values: np.ndarray) -> bytes:
    sides = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sides + values.astype(np.uint8).tobytes()


GOOD = {
    f"{part}-{name}": idx(np.arange(size).reshape(4, *shape))
    for part in ("train", "t10k")
    for name, size, shape in (("images-idx3-ubyte", 24, (2, 3)), ("labels-idx1-ubyte", 4, ()))
}


def read(path: str | None = "set") -> None:
    """All that a run reads of it."""
    keys = {"kind": "fashion-mnist"} if path is None else {"kind": "fashion-mnist", "path": path}
    data = open_data(parse_spec({"data": keys}, base=Path()).data)
    data.read(range(len(data.rows)))


def files(**changed: bytes) -> Call:
    """The four files, some of them with other bytes."""

    def made() -> None:
        shutil.rmtree("set", ignore_errors=True)
        Path("set").mkdir()
        for name, content in (GOOD | changed).items():
            Path("set", name).write_bytes(content)
        read()

    return made


def packed(cut: int) -> Call:
    """The test's images, compressed and without the last bytes."""

    def made() -> None:
        files()()
        Path("set", IMAGES).unlink()
        whole = gzip.compress(GOOD[IMAGES])
        Path("set", IMAGES + ".gz").write_bytes(whole[: len(whole) - cut])
        read()

    return made


REFUSALS = {
    "cut off": Refusal(files(**{IMAGES: GOOD[IMAGES][:-1]}), "values need 40: fetch it again", files()),
    "too long": Refusal(files(**{IMAGES: GOOD[IMAGES] + b"x"}), "values need 40: fetch it again", files()),
    "cut off in the header": Refusal(files(**{IMAGES: GOOD[IMAGES][:7]}), "7 bytes: fetch it again", files()),
    "an answer of a server": Refusal(
        files(**{IMAGES: b"<html>not found"}),
        "is a different kind of file, or damaged: fetch it again",
        files(),
    ),
    "cut off gzip": Refusal(packed(10), "restore it, or write it again", packed(0)),
    "images of another size": Refusal(
        files(**{IMAGES: idx(np.zeros((4, 3, 3)))}),
        "they are from different data sets, fetch all four files again from one place",
        files(),
    ),
    "labels of other images": Refusal(
        files(**{LABELS: idx(np.zeros(3))}),
        "they are from different data sets, fetch all four files again from one place",
        files(),
    ),
    "other classes": Refusal(
        files(**{LABELS: idx(np.full(4, 10))}),
        "it is from another data set, fetch all four files again from one place",
        files(),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)


def test_where_fashion_mnist_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "set")
    Refusal(
        lambda: read("nothing"),
        "give the folder that holds it as data.path, or `apt-get install dataset-fashion-mnist` and leave data.path "
        "out",
        files(),
        lambda: read(None),
    ).require(DataError)


def test_matplotlib_is_what_letters_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(
        name.startswith("matplotlib") and 'extra == "letters"' in name
        for name in requires("tripletmine") or ()
    )
    there = faces.find_spec

    def without() -> None:
        monkeypatch.setattr(faces, "find_spec", lambda name: None)
        faces.font_file("DejaVuSans")

    def installed() -> None:
        monkeypatch.setattr(faces, "find_spec", there)
        faces.font_file("DejaVuSans")

    Refusal(without, "pip install 'tripletmine[letters]'", installed).require(DataError)

    whole = faces.font_folder()

    def broken() -> None:
        monkeypatch.setattr(faces, "font_folder", lambda: tmp_path)
        faces.font_file("DejaVuSans")

    def installed_again() -> None:
        shutil.copy(whole / "DejaVuSans.ttf", tmp_path)
        faces.font_file("DejaVuSans")

    Refusal(broken, "pip install --force-reinstall matplotlib", installed_again).require(DataError)
