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


def as_table(pets: Path, names: list[str]) -> None:
    """Make the run read a table of these names, in a folder beside the pictures."""
    (pets / "table").mkdir(exist_ok=True)
    rows = "".join(f"{name},{index % 2}\n" for index, name in enumerate(names))
    (pets / "table" / "t.csv").write_text(f"path,label\n{rows}")
    (pets / "run.toml").write_text(
        '[data]\nkind = "table"\npath = "table/t.csv"\nimage_size = 4\n[graph]\nneighbours = 20\n'
    )


def test_pictures_outside_of_the_folder_are_counted(pets: Path):
    names = [f"{'cat' if index % 2 else 'dog'}/{index:03}.png" for index in range(300)]
    as_table(pets, [str(pets / "pets" / names[0]), *(f"../pets/{name}" for name in names[1:])])
    code, page, error = told(pets)
    assert code == 0, error
    assert f'outside of {pets}/table: 299 by "..", 1 by absolute paths' in page
    assert "over the network" not in page


def test_who_would_be_asked_is_said_before_anybody_is(pets: Path):
    """192.0.2.0/24 belongs to nobody (RFC 5737), and without further packages fsspec cannot ask S3."""
    names = [f"{'cat' if index % 2 else 'dog'}/{index:03}.png" for index in range(300)]
    as_table(
        pets, [f"http://192.0.2.7:1/{name}" for name in names[:2]] + [f"s3://pets/{names[2]}", *names[3:]]
    )
    page = told(pets)[1]
    assert page.startswith("asked over the network: 2 http://192.0.2.7:1, 1 s3://pets")
    as_table(pets, [f"http://127.0.0.1:1/{name}" for name in names])
    code, page, error = told(pets)
    assert (code, page) == (1, "")
    assert "127.0.0.1 is this machine or on its local link" in error
    assert "set data.allow_local_urls = true" in error
    run_file = (pets / "run.toml").read_text()
    (pets / "run.toml").write_text(run_file.replace("image_size", "allow_local_urls = true\nimage_size"))
    assert told(pets)[1].startswith("asked over the network: 300 http://127.0.0.1:1")
