"""Folders, named pipes, sockets and devices in the place of files: one message, and no command hangs."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from PIL import Image
from tripletmine.flows.cli import app
from typer.testing import CliRunner, Result

from ..conftest import write_run


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    """A link to a device whose data never end."""
    path.symlink_to("/dev/zero")


Put = Callable[[Path], None]
KINDS: dict[Put, str] = {folder: "a folder", pipe: "a named pipe", a_socket: "a socket", device: "a device"}
each_kind = pytest.mark.parametrize("put", KINDS)


@pytest.fixture(autouse=True)
def _nobody_waits(tmp_path: Path) -> Iterator[None]:
    """Release readers that wait for the other end of a pipe after a while, and fail the test."""
    waited = []

    def let_go() -> None:
        for path in filter(Path.is_fifo, tmp_path.rglob("*")):
            with suppress(OSError):  # nobody reads it
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                waited.append(path)

    timer = Timer(15, let_go)
    timer.start()
    yield
    timer.cancel()
    assert waited == []


def ask(*arguments: object) -> Result:
    """The result of a command, which must not be an unexpected error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "unexpected" not in result.stderr, result.stderr
    assert result.exit_code in (0, 1), result.output
    return result


def refused(*arguments: object) -> str:
    """The message of a command that fails."""
    result = ask(*arguments)
    assert result.exit_code == 1, result.output
    return " ".join(result.stderr.split())


def replace(path: Path, put: Put) -> None:
    path.unlink()
    put(path)


@each_kind
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet", "x.csv", "x.zarr/zarr.json", "x.zarr/c/0/0"])
def test_data_files(tmp_path: Path, put: Put, name: str) -> None:
    if name == "x.csv":
        np.save(tmp_path / "v.npy", np.eye(4))
        put(tmp_path / name)
        message = refused(
            *(
                "mine",
                "--embeddings",
                tmp_path / "v.npy",
                "--labels",
                tmp_path / name,
                "--out",
                tmp_path / "out",
            )
        )
    else:
        import zarr

        if "zarr" in name:
            zarr.create_array(tmp_path / "x.zarr", data=np.eye(4))
            (tmp_path / name).unlink()
        put(tmp_path / name)
        message = refused(
            "mine", "--embeddings", tmp_path / name.split("/", maxsplit=1)[0], "--out", tmp_path / "out"
        )
    if put is not folder or name in ("x.npy", "x.npz", "x.csv"):  # others may be folders
        assert (
            f"{tmp_path / name} is {KINDS[put]}, not a file: restore the file, or correct the path" in message
        )


@each_kind
def test_a_run_file(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "run.toml")
    assert "is a folder, a pipe or a device: name a file instead" in refused("check", tmp_path / "run.toml")


@each_kind
def test_pictures_of_a_table(tmp_path: Path, put: Put) -> None:
    names = [f"{number:02}.png" for number in range(40)]
    for number, name in enumerate(names):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(tmp_path / name)
    rows = "".join(f"{name},{'ab'[number % 2]}\n" for number, name in enumerate(names))
    (tmp_path / "t.csv").write_text(f"path,label\n{rows}")
    replace(tmp_path / "07.png", put)
    (tmp_path / "run.toml").write_text('[data]\nkind = "table"\npath = "t.csv"\n[graph]\nneighbours = 5\n')
    assert f"07.png is {KINDS[put]}, not a file" in refused("check", tmp_path / "run.toml")


FILES = (
    "run.json",
    "rows.parquet",
    "data-files.parquet",
    "journal.jsonl",
    "epochs/0001/mine/manifest.json",
    "epochs/0001/mine/triplets/part-00000.parquet",
    "epochs/0001/graph/neighbours.zarr/ids/zarr.json",
    "epochs/0001/graph/neighbours.zarr/ids/c/0/0",
    "epochs/0001/embed/embeddings.zarr/c/0/0",
    "epochs/0001/train/encoder.safetensors",
)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """The run file of a copy of the finished run."""
    run_file = write_run(tmp_path)
    shutil.copytree(finished.parent / "runs", tmp_path / "runs")
    shutil.copy2(finished.parent / "trees.npz", tmp_path)
    return run_file


@pytest.mark.parametrize("put", [folder, pipe])
@pytest.mark.parametrize("name", FILES)
def test_files_of_a_run(name: str, put: Put, copied: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs" / "tiny"
    replace(root / name, put)
    ask("status", root)
    ask("inspect", root, "--epoch", 1)
    ask("audit", root / "epochs" / "0001" / "mine")
    ask("suspects", root / "epochs" / "0001" / "mine", "--out", tmp_path / "suspects")
    ask("triplets", root / "epochs" / "0001" / "mine", "--out", tmp_path / "triplets.jsonl")
    ask("export", root, "--out", tmp_path / "encoder")
    ask("check", copied)
    ask("run", copied, "--no-prefect")
    if name not in ("data-files.parquet", "journal.jsonl"):  # without them, nothing is amiss
        assert name.partition("/zarr.json")[0] in refused("verify", root)


@pytest.mark.parametrize("put", [folder])
@pytest.mark.parametrize(
    "name", [name for name in FILES if name not in ("data-files.parquet", "journal.jsonl")]
)
def test_repair_mends_them(name: str, put: Put, copied: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs" / "tiny"
    before = (root / name).read_bytes()
    replace(root / name, put)
    result = ask("verify", copied, "--repair")
    assert result.exit_code == 0, result.output
    assert (root / name).read_bytes() == before or name == "run.json"
    assert ask("verify", root).exit_code == 0
