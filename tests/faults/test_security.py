"""Reading a file runs no code, nothing gets out of the run directory, and no secret gets into it."""

import base64
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tripletmine.pipeline.errors import CorruptError, SpecError
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.storage.manifest import Manifest, read_manifest, write_manifest
from tripletmine.pipeline.storage.receipts import FileStamp, Receipt

from ..waiting import eventually
from . import malice
from .product import Product, kill_group
from .state import at_work


def arrays_run(folder: Path, vectors: str, labels: str) -> str:
    """A run file on arrays."""
    return f'[data]\nkind = "arrays"\npath = "{vectors}"\nlabels = "{labels}"\n'


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("labels.npy", malice.pickled_numpy),
        ("labels.zarr", malice.pickled_zarr),
        ("labels.parquet", malice.pickled_parquet),
    ],
)
def test_data_that_would_run_something_runs_nothing(
    name: str, make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    import numpy as np

    trace = tmp_path / "trace"
    make(tmp_path / name, trace)
    np.save(tmp_path / "vectors.npy", np.zeros((1, 4), np.float32))
    product = Product(tmp_path / "run")
    product.run_file.write_text(arrays_run(tmp_path, str(tmp_path / "vectors.npy"), str(tmp_path / name)))
    code, said = product.ask("check", str(product.run_file))
    assert not trace.exists(), "the payload ran"
    assert code == 1
    assert "Traceback" not in said


def test_weights_that_are_a_pickle_run_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    product = Product(tmp_path / "run", {"encoder": 'weights = "weights.safetensors"'})
    malice.pickled_checkpoint(product.folder / "weights.safetensors", trace)
    code, said = product.ask("run", str(product.run_file), "--no-prefect")
    assert not trace.exists(), "the payload ran"
    assert code == 1
    assert "cannot read the checkpoint" in said


def test_a_payload_is_a_payload(tmp_path: Path) -> None:
    """The payload does run with a reader that lets it."""
    import pickle

    trace = tmp_path / "trace"
    malice.pickled_checkpoint(tmp_path / "weights", trace)
    pickle.loads((tmp_path / "weights").read_bytes())
    assert trace.read_text() == "the payload ran"


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "/tmp/x", "a\nb", ".hidden", "a b", ""])
def test_the_name_of_a_run_cannot_leave_its_place(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"run\.name"):
        parse_spec({"run": {"name": name}, "data": {"kind": "digits"}}, base=tmp_path)


@pytest.mark.parametrize("name", ["../../precious", "/etc/precious", "a/../../precious", "..", ""])
def test_a_manifest_cannot_name_files_outside_of_its_stage(name: str, tmp_path: Path) -> None:
    """What a manifest names, run.keep deletes."""
    receipt = Receipt("rows-00000", 1, {name: FileStamp(1, "00")})
    write_manifest(tmp_path, Manifest("embed", 1, {}, (receipt,), {}))
    with pytest.raises(CorruptError, match="leads out of the stage's folder"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@example.org/vectors.npy",
        "s3://key:secret@bucket/vectors.npy",
        "https://example.org/vectors.npy?token=secret",
        "https://example.org/vectors.npy?X-Amz-Signature=secret",
    ],
)
def test_a_url_with_a_secret_in_it_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    """It would be in run.json, in manifests and in messages for ever."""
    with pytest.raises(SpecError, match=r"data\.path has credentials in it") as caught:
        parse_spec({"data": {"kind": "arrays", "path": url}}, base=tmp_path)
    assert "secret" not in str(caught.value)


SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "swordfish-1",
    "PREFECT_API_KEY": "swordfish-2",
    "PREFECT_API_AUTH_STRING": "admin:swordfish-3",
    "PREFECT_SERVER_API_AUTH_STRING": "admin:swordfish-3",
}


@pytest.mark.full
def test_a_run_in_prefect_and_on_workers_listens_on_loopback_and_keeps_no_secret(tmp_path: Path) -> None:
    """With a key for the private server, too: the client has it from the environment."""
    product = Product(tmp_path, options=("--executor", "local"), environment=SECRETS)
    process = product.start()
    try:
        eventually(lambda: at_work(product.root) == "mine" or process.poll() is not None, "mine at work")
        ours = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        listening = {
            connection.laddr.ip
            for each in ours
            for connection in each.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        eventually(lambda: process.poll() is not None, "the end of the run")
    finally:
        kill_group(process)
    assert process.returncode == 0, product.log
    assert listening == {"127.0.0.1"}
    for path in [*tmp_path.rglob("*"), product.run_file]:
        if path.is_file():
            content = path.read_bytes()
            assert b"swordfish" not in content, f"{path} has a secret in it"
            assert base64.b64encode(b"admin:swordfish-3") not in content, f"{path} has a secret in it"
