"""The remedies that a page names for what it lacks work: the page then has it."""

import shutil
import sys
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.report.report import report_page

from ..conftest import Finished
from .test_folder_pages import CLASSES, ROWS, mined

LABELS = [f"class {row % CLASSES}" for row in range(ROWS)]


def notes_of(path: Path, *, images: bool = True) -> str:
    told: list[str] = []
    report_page(path, note=told.append, images=images)
    return "\n".join(told)


@pytest.mark.parametrize(
    "file",
    ["confusion.parquet", "mining.json", "neighbours.zarr/ids/c/0/0", "triplets/part-00000.parquet"],
)
def test_a_folder_that_was_damaged_is_mined_again(file: str, tmp_path: Path) -> None:
    folder = mined(tmp_path, LABELS)
    assert "mine again" not in notes_of(folder)
    (folder / file).write_bytes(b"PAR1")
    try:
        said = notes_of(folder)
    except CorruptError as error:
        said = str(error)
    assert "mine again" in said
    shutil.rmtree(folder)
    assert "mine again" not in notes_of(mined(tmp_path, LABELS))


def test_without_pillow_there_are_no_pictures(digits_run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "pictures need Pillow"
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, "PIL", None)
        assert says in notes_of(digits_run.root)
        assert says not in notes_of(digits_run.root, images=False)
    assert says not in notes_of(digits_run.root)
