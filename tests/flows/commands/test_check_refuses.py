"""`check` finds what `run` would refuse, and says it in the same words; `run` refuses it before its first stage."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tripletmine.flows.cli import app
from tripletmine.models.encoders.checkpoints import save_tensors
from tripletmine.models.encoders.mlp import mlp
from typer.testing import CliRunner

HEAD = '[run]\nname = "tried"\nepochs = 2\n[graph]\nneighbours = 20\n'
VECTORS = '[data]\nkind = "arrays"\npath = "trees.npz"\n'
DIGITS = '[data]\nkind = "digits"\n'
MLP = '[encoder]\nname = "mlp"\nembedding_dim = 8\n'

ENCODERS = """
import torch
from torch import nn

class Linear(nn.Module):
    def __init__(self, input_shape, embedding_dim, width=None):
        super().__init__()
        self.layer = nn.Linear(input_shape[0], width or embedding_dim)

    def forward(self, items):
        return self.layer(items)

def nothing(input_shape, embedding_dim):
    return None

def failing(input_shape, embedding_dim):
    raise OSError("the licence server is away")

def unchanged(input_shape, embedding_dim):
    return nn.Identity()

def hook():
    raise RuntimeError("no augmentation today")
"""


def encoder(name: str, **others: object) -> str:
    more = "".join(f"{key} = {value}\n" for key, value in others.items())
    return f'{VECTORS}[encoder]\nname = "encoders.py:{name}"\nembedding_dim = 8\n{more}'


CASES: dict[str, tuple[str, str]] = {
    "no tensorboard": (
        VECTORS + MLP + '[train]\nlog = ["tensorboard"]\n',
        'train.log names "tensorboard", which is not installed',
    ),
    "no mlflow": (
        VECTORS + MLP + '[train]\nlog = ["mlflow"]\n',
        "pip install 'tripletmine[mlflow]'",
    ),
    "no trackio": (
        VECTORS + MLP + '[train]\nlog = ["trackio"]\n',
        "pip install 'tripletmine[trackio]'",
    ),
    "no timm": (
        DIGITS + '[encoder]\nname = "timm:resnet18"\n',
        "encoder 'timm:resnet18' needs timm: pip install 'tripletmine[timm]'",
    ),
    "no metric learning": (
        VECTORS
        + MLP
        + "[loss.weights]\nlibrary = 1.0\n[loss.library]\n"
        + 'factory = "pytorch_metric_learning.losses:ProxyAnchorLoss"\n',
        "needs pytorch-metric-learning: pip install 'tripletmine[metric-learning]'",
    ),
    "no dask": (VECTORS + MLP + '[cluster]\nkind = "local"\n', "this needs distributed, which is not"),
    "no such encoder": (VECTORS + '[encoder]\nname = "resnet"\n', "encoder 'resnet' is unknown"),
    "no such factory": (encoder("Linera"), "has no 'Linera': did you mean 'Linear'?"),
    "no such argument": (encoder("Linear", arguments="{depth = 3}"), "takes no argument 'depth'"),
    "no module": (encoder("nothing"), "gave a NoneType but must give a torch.nn.Module"),
    "an encoder that fails": (encoder("failing"), "failed: OSError: the licence server is away"),
    "nothing to train": (
        encoder("unchanged"),
        "encoder 'encoders.py:unchanged' has no parameter that can be trained: give it a layer that learns",
    ),
    "another width": (encoder("Linear", arguments="{width = 7}"), "but must return (2, 8)"),
    "weights of another": (
        VECTORS + MLP + 'weights = "other.safetensors"\n',
        "the checkpoint belongs to another encoder",
    ),
    "no checkpoint": (VECTORS + MLP + 'weights = "foreign.safetensors"\n', "but no checkpoint of ours"),
    "weights with NaN": (
        VECTORS + MLP + 'weights = "nan.safetensors"\n',
        "1 of the items tried have embeddings with NaN or infinity, first 0",
    ),
    "no such device": (VECTORS + MLP + '[embed]\ndevice = "cuda:97"\n', 'embed.device is "cuda:97", which'),
    "no device at all": (VECTORS + MLP + '[embed]\ndevice = "abacus"\n', 'embed.device is "abacus", which'),
    "no such head": (
        VECTORS + MLP + '[train]\nfrozen_epochs = 1\nhead = "top"\n',
        "train.head is 'top' but the encoder has no such module",
    ),
    "a loss that cannot be built": (
        VECTORS
        + MLP
        + "[loss.weights]\nlibrary = 1.0\n[loss.library]\n"
        + 'factory = "torch.nn:CosineEmbeddingLoss"\narguments = {margin = 1, marign = 2}\n',
        "takes no argument 'marign'",
    ),
    "an augmentation that fails": (
        VECTORS.replace("[data]", "[data]") + '[data.augment]\nfactory = "encoders.py:hook"\n' + MLP,
        "augmentation 'encoders.py:hook' failed: RuntimeError: no augmentation today",
    ),
    "pictures are shifted, vectors not": (VECTORS + "[data.augment]\nshift = 1\n" + MLP, "shift is 1 and"),
    "means for other channels": (
        VECTORS + "mean = [0.1, 0.2]\nstd = [1.0, 1.0]\n" + MLP,
        "data.mean has 2 values but items have 8 channels",
    ),
}

ABSENT = {
    "no tensorboard": "tensorboard",
    "no mlflow": "mlflow",
    "no trackio": "trackio",
    "no timm": "timm",
    "no metric learning": "pytorch_metric_learning",
    "no dask": "distributed",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Vectors of three classes, a user's encoders, and weights of several kinds."""
    generator = np.random.default_rng(0)
    labels = np.repeat(["ash", "elm", "oak"], 60)
    np.savez(tmp_path / "trees.npz", vectors=generator.normal(size=(180, 8)), labels=labels)
    (tmp_path / "encoders.py").write_text(ENCODERS)
    save_tensors(tmp_path / "other.safetensors", mlp(input_shape=(9,), embedding_dim=8).state_dict())
    state = mlp(input_shape=(8,), embedding_dim=8).state_dict()
    save_tensors(
        tmp_path / "nan.safetensors", {name: torch.full_like(each, torch.nan) for name, each in state.items()}
    )
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    return tmp_path


def said(*arguments: object) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stderr


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a module look as if it were not installed."""
    from tripletmine.pipeline import workers

    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "tripletmine.pipeline.workers.dask", raising=False)
    monkeypatch.delattr(workers, "dask", raising=False)


@pytest.mark.parametrize("case", CASES)
def test_check_says_what_run_would(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, words = CASES[case]
    (folder / "run.toml").write_text(HEAD + text)
    if case in ABSENT:
        without(ABSENT[case], monkeypatch)
    code, message = said("check", folder / "run.toml")
    assert code == 1
    assert words in message
    assert not (folder / "runs").exists()
    assert said("run", folder / "run.toml", "--no-prefect") == (1, message)
    assert not (folder / "runs" / "tried" / "epochs").exists()


def test_values_that_are_not_finite(folder: Path) -> None:
    (folder / "run.toml").write_text(HEAD + VECTORS.replace("trees.npz", "many.npz") + MLP)
    vectors = np.random.default_rng(0).normal(size=(1000, 8))
    vectors[1] = np.inf  # not in the sample
    labels = np.arange(1000) % 7
    np.savez(folder / "many.npz", vectors=vectors, labels=labels)
    result = CliRunner().invoke(app, ["check", str(folder / "run.toml")])
    assert result.exit_code == 0, result.output
    assert "items: 256 of 1,000 read, nothing is wrong with them (--read-all reads all)" in result.stdout
    code, message = said("check", folder / "run.toml", "--read-all")
    assert code == 1
    assert "many.npz has NaN or infinite values in row 1 (from 0), and in 1 of the 1000 rows read" in message
    vectors[0] = np.nan
    np.savez(folder / "many.npz", vectors=vectors, labels=labels)
    code, message = said("check", folder / "run.toml")
    assert code == 1
    assert "has NaN or infinite values in row 0 (from 0)" in message


def test_workers_elsewhere_are_not_asked(folder: Path) -> None:
    """Nobody here knows which devices and packages they have."""
    (folder / "run.toml").write_text(
        HEAD
        + encoder("failing")
        + '[cluster]\nkind = "dask"\naddress = "tcp://10.0.0.1:8786"\n[train]\nwhere = "worker"\n'
    )
    result = CliRunner().invoke(app, ["check", str(folder / "run.toml")])
    assert result.exit_code == 0, result.output
    assert "encoder and losses are built by workers, and were not tried here" in result.stdout


def test_all_is_well(folder: Path) -> None:
    (folder / "run.toml").write_text(HEAD + encoder("Linear"))
    result = CliRunner().invoke(app, ["check", str(folder / "run.toml"), "--read-all"])
    assert result.exit_code == 0, result.output
    assert "items: 180 of 180 read, nothing is wrong with them\n" in result.stdout
    assert "encoder and losses can be built, embed.device = 'auto' is there" in result.stdout
