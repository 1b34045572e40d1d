"""Zarr arrays that lack chunks or were damaged: every command ends in one message with file and remedy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from sklearn.datasets import load_digits
from tripletmine.flows.cli import app
from typer.testing import CliRunner
from zarr.codecs import Crc32cCodec

Damage = Callable[[Path], None]


def lost(array: Path) -> None:
    """A chunk is gone."""
    (array / "c" / "0" / "0").unlink()


def cut(array: Path) -> None:
    """A chunk was cut short."""
    chunk = array / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-10])


def flipped(array: Path) -> None:
    """A bit of a chunk is flipped; our chunks have checksums."""
    content = bytearray((array / "c" / "0" / "0").read_bytes())
    content[20] ^= 1
    (array / "c" / "0" / "0").write_bytes(content)


def folder(array: Path) -> None:
    """A folder is in the place of a chunk."""
    lost(array)
    (array / "c" / "0" / "0").mkdir()


def no_metadata(array: Path) -> None:
    """The metadata is not JSON."""
    (array / "zarr.json").write_bytes(b"\x00{")


def other_metadata(array: Path) -> None:
    """The metadata is of another form."""
    (array / "zarr.json").write_text('{"zarr_format": 3, "node_type": "array", "shape": "x"}')


def other_codec(array: Path) -> None:
    """The metadata names a codec that does not exist."""
    about = json.loads((array / "zarr.json").read_bytes())
    about["codecs"] = [{"name": "nothing"}]
    (array / "zarr.json").write_text(json.dumps(about))


DAMAGES = (lost, cut, flipped, folder, no_metadata, other_metadata, other_codec)


def refused(*arguments: object) -> str:
    """The one message of a command that fails."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    message = result.stderr.strip()
    assert message.startswith("tripletmine: ")
    assert "unexpected" not in message
    return message


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as a Zarr group of vectors and labels, checksummed."""
    pixels, labels = load_digits(return_X_y=True)
    values = np.asarray(pixels)[:200].astype(np.float32)
    path = tmp_path_factory.mktemp("vectors") / "digits.zarr"
    group = zarr.create_group(path)
    crc = Crc32cCodec()
    group.create_array("embeddings", shape=values.shape, chunks=(50, 64), dtype="f4", compressors=[crc])[
        :
    ] = values / np.linalg.norm(values, axis=1, keepdims=True)
    group.create_array("labels", shape=(200,), chunks=(50,), dtype="i8", compressors=[crc])[:] = np.asarray(
        labels
    )[:200]
    return path


@pytest.fixture(scope="module")
def mined(vectors: Path) -> Path:
    """A folder that `mine` wrote from them."""
    out = vectors.parent / "mined"
    result = CliRunner().invoke(
        app, ["mine", "--embeddings", str(vectors), "--out", str(out), "--neighbours", "30"]
    )
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_users_own_vectors(damage: Damage, vectors: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.zarr"
    shutil.copytree(vectors, path)
    damage(path / "embeddings")
    (tmp_path / "run.toml").write_text(
        '[data]\nkind = "arrays"\npath = "digits.zarr"\n[encoder]\nname = "mlp"\n[graph]\nneighbours = 30\n'
    )
    for arguments in (
        ("mine", "--embeddings", path, "--out", tmp_path / "mined"),
        ("run", tmp_path / "run.toml", "--no-prefect"),
    ):
        message = refused(*arguments)
        assert str(path) in message
        if damage in (lost, cut, flipped, folder):
            assert "c/0/0" in message
            assert "restore" in message


def test_labels_that_lack_a_chunk_are_no_zeros(vectors: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.zarr"
    shutil.copytree(vectors, path)
    (path / "labels" / "c" / "2").unlink()
    message = refused("mine", "--embeddings", path, "--out", tmp_path / "mined")
    assert f'{path}, array "labels": 1 chunks are missing, such as c/2, and would be read as 0' in message


@pytest.mark.parametrize("array", ["ids", "sq_distances"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_neighbours_of_a_folder_of_triplets(
    damage: Damage, array: str, mined: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mined"
    shutil.copytree(mined, folder)
    damage(folder / "neighbours.zarr" / array)
    for arguments in (("audit", folder), ("suspects", folder, "--out", tmp_path / "suspects")):
        message = refused(*arguments)
        assert f"{folder}/neighbours.zarr/{array}" in message
        assert "mine again" in message


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_neighbours_of_a_run(damage: Damage, finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "tiny"
    shutil.copytree(finished.parent / "runs" / "tiny", root)
    shutil.copy(finished.parent / "trees.npz", tmp_path)
    damage(root / "epochs" / "0001" / "graph" / "neighbours.zarr" / "ids")
    mine = root / "epochs" / "0001" / "mine"
    for arguments in (
        ("audit", mine),
        ("suspects", mine, "--out", tmp_path / "suspects"),
        ("verify", root),
    ):
        message = refused(*arguments)
        assert "neighbours.zarr/ids" in message
        assert "redo it with --from-stage graph --epoch 1" in message
    for arguments in (
        ("inspect", root, "--epoch", 1),
        ("export", root, "--out", tmp_path / "encoder"),
        ("triplets", mine, "--out", tmp_path / "triplets.jsonl"),
    ):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output  # they do not read it


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_embeddings_of_a_run(damage: Damage, finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "tiny"
    shutil.copytree(finished.parent / "runs" / "tiny", root)
    damage(root / "epochs" / "0001" / "embed" / "embeddings.zarr")
    for arguments in (("audit", root / "epochs" / "0001" / "mine"), ("verify", root)):
        message = refused(*arguments)
        assert "embeddings.zarr" in message
        assert "redo it with --from-stage embed --epoch 1" in message
