"""The remedies named in the messages on encoders and their files work."""

import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from remedies import Refusal
from safetensors.torch import save_file
from torch import nn
from tripletmine.models.encoders.build import build_encoder, encoder_from_factory
from tripletmine.models.encoders.checkpoints import (
    load_encoder_state,
    load_objective_state,
    load_tensors,
    save_tensors,
)
from tripletmine.models.encoders.encode import encode
from tripletmine.models.encoders.onnx import write_onnx
from tripletmine.models.errors import ModelError
from tripletmine.models.factory import load_factory
from versions import onnx_is_written

IMAGE, VECTOR = (1, 8, 8), (12,)


def built(name: str, shape: tuple[int, ...] = IMAGE, **arguments: object) -> nn.Module:
    """A built-in encoder."""
    return build_encoder(name, input_shape=shape, embedding_dim=4, arguments=arguments, seed=0)


def made(factory: object, embedding_dim: int = 4) -> nn.Module:
    """The encoder of a user whose factory returns this."""
    return encoder_from_factory(
        lambda input_shape, embedding_dim: factory,
        subject="encoder",
        input_shape=VECTOR,
        embedding_dim=embedding_dim,
        seed=0,
    )


class Returning(nn.Module):
    """An encoder that can be trained, and returns what it is told."""

    def __init__(self, returned: object) -> None:
        super().__init__()
        self.layer, self.returned = nn.Linear(12, 4), returned

    def forward(self, items: torch.Tensor) -> object:
        return self.layer(items) if self.returned is None else self.returned


def weights(factor: float) -> nn.Module:
    """A layer, its weights multiplied by a factor."""
    layer = nn.Linear(12, 4)
    layer.weight.data *= factor
    return layer


RIGHT = partial(made, Returning(None))

REFUSALS = {
    "an encoder whose name is misspelt": Refusal(
        lambda: built("convent"), "did you mean 'convnet'?", lambda: built("convnet")
    ),
    "an encoder that there is not": Refusal(
        lambda: built("transformer", VECTOR),
        "one of convnet, mlp, identity, timm:<model>, path/to/file.py:factory, module:factory: choose one of them",
        lambda: built("mlp", VECTOR),
        lambda: made(load_factory("torch.nn:Linear")(12, 4)),
    ),
    "vectors for convnet": Refusal(
        lambda: built("convnet", VECTOR), "use the encoder 'mlp'", lambda: built("mlp", VECTOR)
    ),
    "pictures for identity": Refusal(
        lambda: built("identity"), "needs vectors: use another encoder", lambda: built("mlp")
    ),
    "another width than that of the vectors": Refusal(
        lambda: built("identity", (5,)), "embedding_dim is 4: set it to 5", lambda: built("identity", (4,))
    ),
    "vectors for timm": Refusal(
        lambda: built("timm:resnet18", VECTOR), "use the encoder 'mlp'", lambda: built("mlp", VECTOR)
    ),
    "no channels": Refusal(
        lambda: built("convnet", channels=[]),
        "remove or fill it",
        lambda: built("convnet"),
        lambda: built("convnet", channels=[8]),
    ),
    "no module": Refusal(
        lambda: made(nn.functional.relu),
        "must give a torch.nn.Module: return one",
        lambda: made(nn.Linear(12, 4)),
    ),
    "nothing to train": Refusal(
        lambda: made(nn.Identity(), 12),
        "a layer that learns, such as torch.nn.Linear",
        lambda: made(nn.Linear(12, 4)),
    ),
    "whole numbers": Refusal(
        lambda: made(Returning(torch.zeros(2, 4, dtype=torch.int64))), "correct its forward", RIGHT
    ),
    "a tuple": Refusal(lambda: made(Returning((torch.zeros(2, 4),))), "correct its forward", RIGHT),
    "another width": Refusal(
        lambda: made(nn.Linear(12, 7)),
        "correct the encoder or set embedding_dim to its width",
        lambda: made(nn.Linear(12, 4)),
        lambda: made(nn.Linear(12, 7), embedding_dim=7),
    ),
    "NaN": Refusal(lambda: made(weights(float("nan"))), "correct its weights", lambda: made(weights(0.1))),
    "no rows": Refusal(
        lambda: encode(nn.Identity(), np.zeros((0, 3), "f4"), normalise=False, batch_rows=2),
        "give at least one",
        lambda: encode(nn.Identity(), np.zeros((1, 3), "f4"), normalise=False, batch_rows=2),
    ),
    "weights of another encoder": Refusal(
        lambda: load_encoder_state(
            built("mlp", VECTOR, hidden=[8]), built("mlp", VECTOR, hidden=[16]).state_dict()
        ),
        "make the encoder as it was, by the same name and arguments",
        lambda: load_encoder_state(
            built("mlp", VECTOR, hidden=[16]), built("mlp", VECTOR, hidden=[16]).state_dict()
        ),
    ),
    "fewer weights": Refusal(
        lambda: load_encoder_state(built("mlp", VECTOR), built("mlp", VECTOR, hidden=[16]).state_dict()),
        "make the encoder as it was, by the same name and arguments",
        lambda: load_encoder_state(built("mlp", VECTOR), built("mlp", VECTOR).state_dict()),
    ),
    "more weights": Refusal(
        lambda: load_objective_state(nn.Identity(), nn.Linear(2, 2).state_dict()),
        "set [loss] as it was",
        lambda: load_objective_state(nn.Linear(2, 2), nn.Linear(2, 2).state_dict()),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def described_badly(path: Path) -> None:
    save_file({"x": torch.zeros(2)}, path, metadata={"tripletmine": "{"})


@pytest.mark.parametrize("damage", [Path.unlink, cut_short, described_badly])
def test_a_damaged_checkpoint_is_restored_or_written_again(damage, tmp_path: Path) -> None:
    path, copy = tmp_path / "encoder.safetensors", tmp_path / "copy"
    save = partial(save_tensors, path, nn.Linear(2, 2).state_dict())
    save()
    shutil.copy(path, copy)
    damage(path)
    Refusal(
        lambda: load_tensors(path),
        "restore it or train again",
        lambda: (shutil.copy(copy, path), load_tensors(path)),
        lambda: (save(), load_tensors(path)),
    ).require(ModelError)


def test_a_file_of_somebody_else_gives_way_to_one_of_ours(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    save_file({"x": torch.zeros(2)}, theirs)
    save_tensors(ours, {"x": torch.zeros(2)})
    Refusal(
        lambda: load_tensors(theirs), "give one that this project wrote", lambda: load_tensors(ours)
    ).require(ModelError)


class Branching(nn.Module):
    """Branches on values, which torch.onnx.export cannot follow."""

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        return items * 2 if bool(items.sum() > 0) else items


class Selecting(nn.Module):
    """Computes the same by operations that torch.onnx.export knows."""

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        return torch.where(items.sum(1, keepdim=True) > 0, items * 2, items)


@onnx_is_written
def test_onnx_gets_its_packages_and_operations_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One of the packages is missing at first, and is there later."""
    write = partial(
        write_onnx, path=tmp_path / "x.onnx", item_shape=(4,), item_dtype="float32", normalise=False
    )
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    def install() -> None:
        monkeypatch.undo()
        Refusal(
            lambda: write(Branching()),
            "export without ONNX, or write it with operations that torch.onnx.export knows",
            lambda: write(Selecting()),
        ).require(ModelError)

    Refusal(lambda: write(Selecting()), "pip install 'tripletmine[onnx]'", install).require(ModelError)
