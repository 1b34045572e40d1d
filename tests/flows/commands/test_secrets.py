"""A secret in a URL is neither kept nor shown, wherever it stands."""

from pathlib import Path

import numpy as np
import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.terminal.errors import message_for
from tripletmine.pipeline.storage.journal import note_event
from typer.testing import CliRunner

SECRET = "t0psecret"
USER = f"https://me:{SECRET}@host/x"
SIGNED = f"https://host/x.npy?size=1&sig={SECRET}"

KEYS = {
    "data.path": f'[data]\nkind = "arrays"\npath = "{SIGNED}"\n',
    "data.labels": f'[data]\nkind = "arrays"\npath = "x.npy"\nlabels = "{USER}"\n',
    "cluster.address": f'[data]\nkind = "digits"\n[cluster]\nkind = "dask"\naddress = "tls://me:{SECRET}@host:1"\n',
    "encoder.weights": f'[data]\nkind = "digits"\n[encoder]\nweights = "{USER}"\n',
    "encoder.arguments": f'[data]\nkind = "digits"\n[encoder.arguments]\nhub = {{ mirrors = ["{SIGNED}"] }}\n',
    "data.augment.factory": f'[data]\nkind = "digits"\n[data.augment]\nfactory = "{USER}:x"\n',
    "loss.library.arguments": (
        '[data]\nkind = "digits"\n[loss.weights]\nlibrary = 1.0\n[loss.library]\nfactory = "a:b"\n'
        f'arguments = {{a="{USER}"}}\n'
    ),
}


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    assert SECRET not in result.output + result.stderr
    return result.stderr


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_the_run_file(tmp_path: Path, key: str) -> None:
    (tmp_path / "run.toml").write_text(KEYS[key])
    for command in (("check",), ("run", "--no-prefect")):
        message = refused(command[0], tmp_path / "run.toml", *command[1:])
        assert f"{key} has credentials in it, which would be kept with every run: take them out" in message
    assert not (tmp_path / "runs").exists()


def test_values_of_the_wrong_kind_are_shown_without(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(f'[data]\nkind = "{USER}"\n')
    assert "data.kind is" in refused("check", tmp_path / "run.toml")


def test_options(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[data]\nkind = "digits"\n')
    assert "--executor" in refused("run", tmp_path / "run.toml", "--executor", f"tcp://me:{SECRET}@host:8786")
    np.save(tmp_path / "x.npy", np.eye(4))
    for options in (("--embeddings", SIGNED), ("--embeddings", tmp_path / "x.npy", "--labels", SIGNED)):
        assert "has credentials in it" in refused("mine", *options, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_others_say(tmp_path: Path) -> None:
    """Errors of libraries name the URL that they were given, or redirected to."""
    assert SECRET not in message_for(OSError(f"cannot connect to {USER}"))
    assert SECRET not in message_for(RuntimeError(f"GET {SIGNED} gave 403"))
    note_event(tmp_path, "failed", error=f"GET {SIGNED} gave 403", url=USER)
    assert SECRET not in (tmp_path / "journal.jsonl").read_text()
