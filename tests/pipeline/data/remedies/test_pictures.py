"""The remedies in messages about folders of pictures and single ones work."""

import io
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from remedies import Call, Refusal
from tripletmine.pipeline.data.base import DataSet
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.pictures import decode
from tripletmine.pipeline.data.pictures.decode import Decoding
from tripletmine.pipeline.data.pictures.examine import examine
from tripletmine.pipeline.data.pictures.exported import as_json, from_json
from tripletmine.pipeline.data.pictures.picture_set import PictureSet
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.load import parse_spec


def picture(mode: str = "RGB", kind: str = "PNG", height: int = 6) -> bytes:
    """The bytes of an image file."""
    content = io.BytesIO()
    Image.new(mode, (5, height), 1).save(content, kind)
    return content.getvalue()


def fresh(*names: str) -> None:
    """The folder pets with these pictures, and folders where a name ends in "/"; nothing else."""
    shutil.rmtree("pets", ignore_errors=True)
    for name in names:
        path = Path("pets", name)
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(picture())


def opened(kind: str = "image-folder", path: str = "pets", **keys: object) -> DataSet:
    return open_data(parse_spec({"data": {"kind": kind, "path": path, **keys}}, base=Path()).data)


def read(**keys: object) -> None:
    """All that a run reads of them."""
    data = opened(**keys)  # type: ignore[arg-type]
    data.read(range(len(data.rows)))


def looked_at() -> None:
    """Check what is checked before a run begins."""
    data = opened()
    assert isinstance(data, PictureSet)
    examine(data).refuse_unreadable()


def pets(*names: str, then: Call = lambda: None, reading: Call | None = None, **keys: object) -> Call:
    """Make the folder, do something to it, read it."""
    return lambda: (fresh(*names), then(), read(**keys) if reading is None else reading())


def far_away() -> None:
    """Make a link to folders in folders that lie elsewhere."""
    Path("elsewhere/" + "d/" * 201).mkdir(parents=True)
    Path("pets/cat/far").symlink_to("../../elsewhere")


def write(name: str, content: bytes | str) -> None:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def table(*names: str) -> Call:
    """The same pictures, listed in a table."""
    lines = "".join(f"{name},{name.split('/')[-2]}\n" for name in names)
    return lambda: (
        fresh(*names),
        write("pets/t.csv", "path,label\n" + lines),
        read(kind="table", path="pets/t.csv"),
    )


def file(content: bytes) -> Call:
    """Read these bytes as one picture among others."""
    return lambda: (fresh(*BOTH), write("pets/cat/1.png", content), read())


BOTH = ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
LEFT_OUT = BOTH[1:]
IN_SPLITS = ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png")
NOT_UTF8 = os.fsdecode(b"pets/cat/caf\xe9.png")
DEEP = "cat/" + "d/" * 201

EXPORTED = from_json(as_json(Decoding()), (6, 5, 3))


def decoded_for_an_export(height: int) -> Call:
    return lambda: (write("a.png", picture(height=height)), list(EXPORTED.batches(["a.png"], 1)))


REFUSALS = {
    "no folder": Refusal(
        lambda: read(path="nothing"),
        "cannot be listed (No such file or directory): correct data.path",
        pets(*BOTH),
    ),
    "no classes": Refusal(
        pets("1.png", "2.png"),
        'sort the images into folders, or list them in a table with data.kind = "table"',
        pets(*BOTH),
        lambda: (
            fresh("1.png"),
            write("pets/t.csv", "path,label\n1.png,cat\n"),
            read(kind="table", path="pets/t.csv"),
        ),
    ),
    "an empty class": Refusal(
        pets(*BOTH, "cow/"),
        "): remove it or fill it",
        pets(*BOTH),
        pets(*BOTH, "cow/1.png"),
    ),
    "a class of white space": Refusal(
        pets(*BOTH, " /1.png"), "has a name of white space: rename it", pets(*BOTH, "cow/1.png")
    ),
    "a name that is not UTF-8": Refusal(
        pets(*BOTH, then=lambda: write(NOT_UTF8, picture())),
        "has a file whose name is not UTF-8: 'caf\\udce9.png': rename it",
        pets(*BOTH, then=lambda: write("pets/cat/café.png", picture())),
    ),
    "splits beside others": Refusal(
        pets(*IN_SPLITS, "cow/1.png"),
        "has folders of splits (test, train) beside others (cow): move the others elsewhere, or move all images into "
        "folders of splits, each with a folder for each class; if all of them are classes, use a table",
        pets(*IN_SPLITS),
        pets(*IN_SPLITS, "train/cow/1.png"),
        table(*IN_SPLITS, "cow/1.png"),
    ),
    "a split twice": Refusal(
        pets(*IN_SPLITS, "training/cat/1.png"),
        "has 2 folders for the train split (train, training): leave one",
        pets(*IN_SPLITS),
        pets(*(name.replace("train/", "training/") for name in IN_SPLITS)),
    ),
    "folders in folders": Refusal(
        pets(*BOTH, DEEP + "3.png"),
        "is more than 200 folders below data.path: move it up, or leave it out",
        pets(*BOTH, "cat/d/3.png"),
        pets(*BOTH),
    ),
    "folders in folders by a link": Refusal(
        pets(*BOTH, then=far_away),
        "is more than 200 folders below data.path: move it up, or leave it out",
        pets(*BOTH, "cat/far/3.png"),
        pets(*BOTH),
    ),
    "a link to itself": Refusal(
        lambda: (Path("loop").symlink_to("loop"), read(path="loop")),
        "cannot be listed (Too many levels of symbolic links): correct data.path",
        pets(*BOTH),
    ),
    "pictures looked at before the run": Refusal(
        pets(*BOTH, then=lambda: write("pets/cat/2.png", "text"), reading=looked_at),
        "1 of the 4 pictures that were tried cannot be read: ",
        pets(*BOTH, reading=looked_at),
        pets("cat/1.png", *BOTH[2:], reading=looked_at),
    ),
    "PostScript": Refusal(
        file(picture(kind="EPS")), "is PostScript, which is not read: convert it to PNG", file(picture())
    ),
    "no picture": Refusal(
        file(b"text"),
        "replace it or leave it out",
        file(picture()),
        pets(*LEFT_OUT),
    ),
    "16 bits": Refusal(
        file(picture("I;16")),
        "convert it to 8 bits, with the range of values from black to white that you want",
        file(picture("L")),
    ),
    "sizes": Refusal(
        pets(*BOTH, then=lambda: write("pets/dog/2.png", picture(height=9))),
        "dog/2.png has 9 × 5 pixels but the first, cat/1.png, has 6 × 5: set data.image_size",
        pets(*BOTH, then=lambda: write("pets/dog/2.png", picture(height=9)), image_size=4),
    ),
    "a size that the run did not have": Refusal(
        decoded_for_an_export(9), "and were not resized: resize it to that size", decoded_for_an_export(6)
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)


def test_a_kind_of_colours_that_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow opens no such picture today."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decode, "_READ", {"RGB"})
    inks = picture("CMYK", "JPEG")
    Refusal(
        file(inks), "has Pillow's mode CMYK, which is not read: convert it to RGB", file(picture())
    ).require(DataError)


def test_a_folder_that_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = os.scandir

    def as_a_user(folder: str | Path | int) -> object:
        """Root may read everything."""
        if not isinstance(folder, int) and not Path(folder).stat().st_mode & 0o400:
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr("tripletmine.pipeline.data.pictures.walk.os.scandir", as_a_user)
    Refusal(
        pets(*BOTH, then=lambda: Path("pets/cat").chmod(0)),
        "pets/cat cannot be listed (Permission denied): correct data.path, or let this user read it",
        lambda: (Path("pets/cat").chmod(0o700), read()),
    ).require(DataError)
