"""What `tripletmine check` says of pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tripletmine.flows.cli import app
from typer.testing import CliRunner


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """300 pictures of two classes, and a run file beside them."""
    for index in range(300):
        folder = tmp_path / "pets" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), index % 256, np.uint8)).save(folder / f"{index:03}.png")
    (tmp_path / "run.toml").write_text(
        '[data]\nkind = "image-folder"\npath = "pets"\n[encoder]\nname = "convnet"\n[graph]\nneighbours = 20\n'
    )
    return tmp_path


def told(folder: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, and what was printed, with its lines joined."""
    result = CliRunner().invoke(app, ["check", str(folder / "run.toml"), *options])
    return result.exit_code, " ".join(result.stdout.split()), " ".join(result.stderr.split())


def test_all_is_well(pets: Path):
    code, page, _ = told(pets)
    assert code == 0
    assert "pictures 256 of 300 tried, all can be read (--read-all tries all)" in page
    assert "left out" not in page
    assert "pictures all tried, all can be read" in told(pets, "--read-all")[1]


def test_what_is_read_otherwise_is_said(pets: Path):
    Image.new("RGBA", (4, 4), (1, 2, 3, 4)).save(pets / "pets" / "cat" / "000.png")
    (pets / "pets" / "cat" / "notes.txt").write_text("x")
    (pets / "pets" / "dog" / "self").symlink_to(pets / "pets" / "dog")
    page = told(pets)[1]
    assert "1 of them with transparent pixels, as cat/000.png: laid on white (data.background)" in page
    assert "left out 1 *.txt, 1 links to folders that are read already" in page


def test_unreadable_pictures_end_it(pets: Path):
    (pets / "pets" / "cat" / "007.png").write_bytes(b"no picture")  # row 3, not in the sample
    assert told(pets)[0] == 0
    code, page, error = told(pets, "--read-all")
    assert code == 1
    assert "1 cannot be read" in page
    assert "1 of the 300 pictures that were tried cannot be read: image" in error
    assert "cat/007.png" in error
