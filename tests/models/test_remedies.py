"""The remedies named in the messages of models work."""

import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from remedies import Refusal, refusals_of_limits
from torch import nn
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.checks import check_choice, check_count, check_number, check_settings
from tripletmine.models.compute import device_named
from tripletmine.models.errors import ModelError
from tripletmine.models.factory import check_arguments, load_factory
from tripletmine.models.images.settings import AugmentSettings
from tripletmine.models.losses import settings as losses
from tripletmine.models.parameter_groups import encoder_group
from tripletmine.models.row_classes import RowClasses
from tripletmine.models.train.settings import OptimiserSettings, ScheduleSettings, TrainerSettings


def small(*, input_shape: tuple[int, ...], embedding_dim: int, depth: int = 1) -> nn.Module:
    """A user's factory."""
    return nn.Linear(input_shape[0], embedding_dim)


arguments = partial(check_arguments, small, subject="encoder")


def frozen_linear(*, frozen: bool) -> nn.Module:
    """An encoder, with or without weights to train."""
    return nn.Linear(3, 2).requires_grad_(not frozen)


CODES = np.array([0, 1, 1, 0])

REFUSALS = {
    "a choice that is near": Refusal(
        lambda: check_choice("optimiser", "adamv", ["adamw", "sgd"]),
        "one of adamw, sgd: did you mean 'adamw'?",
        lambda: check_choice("optimiser", "adamw", ["adamw", "sgd"]),
    ),
    "a choice that is not": Refusal(
        lambda: check_choice("optimiser", "lion", ["adamw", "sgd"]),
        "one of adamw, sgd: choose one of them",
        lambda: check_choice("optimiser", "adamw", ["adamw", "sgd"]),
        lambda: check_choice("optimiser", "sgd", ["adamw", "sgd"]),
    ),
    "a number of text": Refusal(
        lambda: check_number("learning_rate", "fast"),  # pyright: ignore[reportArgumentType]
        "must be a finite number: correct it",
        lambda: check_number("learning_rate", 0.1),
    ),
    "a count with a fraction": Refusal(
        lambda: check_count("width", 2.5),  # pyright: ignore[reportArgumentType]
        "must be a whole number of at least 1: correct it",
        lambda: check_count("width", 2),
    ),
    "device": Refusal(
        lambda: device_named("tpu"),
        'write "auto" or "cpu"',
        lambda: device_named("auto"),
        lambda: device_named("cpu"),
    ),
    "nothing to train": Refusal(
        lambda: encoder_group(frozen_linear(frozen=True)),
        "unfreeze some",
        lambda: encoder_group(frozen_linear(frozen=False)),
    ),
    "an argument that the run sets": Refusal(
        lambda: arguments({"embedding_dim": 3, "depth": 2}),
        "it is set by the run: remove it",
        lambda: arguments({"depth": 2}),
    ),
    "an argument that is misspelt": Refusal(
        lambda: arguments({"dpeth": 2}), "did you mean 'depth'?", lambda: arguments({"depth": 2})
    ),
    "an argument that there is not": Refusal(
        lambda: arguments({"heads": 8, "depth": 2}),
        "takes no argument 'heads' (it takes: depth): leave it out",
        lambda: arguments({"depth": 2}),
    ),
    "codes with fractions": Refusal(
        lambda: RowClasses.of(CODES / 1),  # pyright: ignore[reportArgumentType]
        "give one code per row",
        lambda: RowClasses.of(CODES),
    ),
    "codes below 0": Refusal(
        lambda: RowClasses.of(CODES - 1),
        "leave rows without a class out",
        lambda: RowClasses.of((CODES - 1)[CODES > 0]),
    ),
    "rows without a class": Refusal(
        lambda: RowClasses.of(RowClasses.of_sets([[0], [], [1, 0]])),
        "give each row at least one code",
        lambda: RowClasses.of(RowClasses.of_sets([[0], [1], [1, 0]])),
    ),
}

OF_LIMITS = refusals_of_limits(
    check_settings,
    BatchShape,
    NeighbourhoodSettings,
    AugmentSettings,
    OptimiserSettings,
    ScheduleSettings,
    TrainerSettings,
    *losses.LossSettings.__subclasses__(),
)


@pytest.mark.parametrize("refusal", (REFUSALS | OF_LIMITS).values(), ids=REFUSALS | OF_LIMITS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)


@pytest.mark.parametrize(
    ("wrong", "says", "right"),
    [
        ("mine.py", "name the function after a colon", "mine.py:small"),
        ("mien.py:small", "there is no file", "mine.py:small"),
        ("mine.py:smal", "did you mean 'small'?", "mine.py:small"),
        ("mine.py:xyz", "name a function or class that it has", "mine.py:Large"),
        ("mine.py:SIZE", "name a function or class", "mine.py:Large"),
        ("colections:OrderedDict", "or correct the name", "collections:OrderedDict"),
    ],
)
def test_a_reference_is_corrected(wrong: str, says: str, right: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("SIZE = 3\n\ndef small(): ...\n\nclass Large: ...\n")
    load = partial(load_factory, base=tmp_path)
    Refusal(lambda: load(wrong), says, lambda: load(right)).require(ModelError)


def test_a_module_that_is_not_there_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def install() -> None:
        module = ModuleType("somebodys_encoders")
        module.__dict__["small"] = small
        monkeypatch.setitem(sys.modules, "somebodys_encoders", module)
        load_factory("somebodys_encoders:small")

    Refusal(lambda: load_factory("somebodys_encoders:small"), "install it", install).require(ModelError)
