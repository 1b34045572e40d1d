"""Which folders and files are read, where links and names are odd."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.pictures.walk import BROKEN, DEEPEST, HIDDEN, walk
from tripletmine.pipeline.errors import DataError


def names(root: Path) -> list[str]:
    return walk(root).root.all_images(root).to_pylist()


def test_a_link_to_itself_leads_to_nothing(tmp_path: Path, write_image: Callable[..., Path]):
    write_image(tmp_path / "a" / "0.png", 1)
    (tmp_path / "a" / "itself").symlink_to("itself")
    assert names(tmp_path) == ["a/0.png"]
    assert walk(tmp_path).left_out == {BROKEN: 1}


def test_a_root_that_is_a_link_to_itself(tmp_path: Path):
    root = tmp_path / "root"
    root.symlink_to("root")
    with pytest.raises(DataError, match=r"root cannot be listed \(Too many .*\): correct data.path"):
        walk(root)


def test_links_into_hidden_folders_are_followed(tmp_path: Path, write_image: Callable[..., Path]):
    """The class folders lie in a hidden store, as with tools that keep versions of data."""
    write_image(tmp_path / ".store" / "cat" / "0.png", 1)
    (tmp_path / "cat").symlink_to(".store/cat")
    found = walk(tmp_path)
    assert names(tmp_path) == ["cat/0.png"]
    assert found.linked == 1
    assert found.left_out == {HIDDEN: 1}


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 1500])
def test_folders_in_folders_without_end(tmp_path: Path, depth: int):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        there = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(os.open("0.png", os.O_CREAT, dir_fd=here))
    os.close(here)
    try:
        if depth == DEEPEST:
            assert names(tmp_path) == ["d/" * depth + "0.png"]
        else:
            with pytest.raises(
                DataError, match=f"is more than {DEEPEST} folders below data.path: move it up"
            ):
                walk(tmp_path)
    finally:  # shutil, with which pytest tidies up, is recursive as well
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_a_folder_whose_name_is_not_utf_8_is_named(tmp_path: Path, write_image: Callable[..., Path]):
    for name in (b"cat", b"caf\xe9"):
        write_image(tmp_path / os.fsdecode(name) / "0.png", 1)
    write_image(tmp_path / "cat" / os.fsdecode(b"\xe9") / "0.png", 1)
    with pytest.raises(DataError, match=r"has a folder whose name is not UTF-8: '.*\\udce9.*': rename it"):
        len(ImageFolder(str(tmp_path)).rows)
