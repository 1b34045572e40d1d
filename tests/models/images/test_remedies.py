"""The remedies named in the messages on images work."""

from pathlib import Path

import numpy as np
import pytest
import torch
from remedies import Refusal
from tripletmine.models.errors import ModelError
from tripletmine.models.images.augment_hook import augment_hook
from tripletmine.models.images.settings import AugmentSettings
from tripletmine.models.images.transforms import Scaling, augment, input_shape_of, to_tensor

IMAGES = np.zeros((2, 8, 6, 3), np.uint8)
VECTORS = np.zeros((2, 12), np.float32)


def changed(items: np.ndarray, **settings: object) -> torch.Tensor:
    """The items, augmented with these settings."""
    return augment(to_tensor(items), AugmentSettings(**settings), torch.Generator())  # pyright: ignore[reportArgumentType]


REFUSALS = {
    "videos": Refusal(
        lambda: input_shape_of((5, 8, 6, 3)), "reshape them", lambda: input_shape_of((5 * 8, 6, 3))
    ),
    "means of other channels": Refusal(
        lambda: to_tensor(IMAGES, Scaling((0.5, 0.5), 1.0)),
        "mean has 2 values but items have 3 channels: give one for each",
        lambda: to_tensor(IMAGES, Scaling((0.5, 0.5, 0.5), 1.0)),
    ),
    "float64": Refusal(
        lambda: to_tensor(IMAGES / 255),
        "convert them",
        lambda: to_tensor((IMAGES / 255).astype(np.float32)),
        lambda: to_tensor(IMAGES),
    ),
    "shifted vectors": Refusal(
        lambda: changed(VECTORS, shift=1, flip=True),
        "they need images, leave both out",
        lambda: changed(VECTORS),
    ),
    "a shift as wide as the image": Refusal(
        lambda: changed(IMAGES, shift=3),
        "lower it below half of the shorter side",
        lambda: changed(IMAGES, shift=2),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)


USERS = """
def nothing():
    return None

def cropped():
    return lambda image, generator: image[:, 1:]

def mirrored():
    return lambda image, generator: image.flip(2)
"""


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("nothing", "must give a function of (image, generator): return one"),
        ("cropped", "return a tensor of the same shape and type"),
    ],
)
def test_an_augmentation_of_ones_own_is_corrected(wrong: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USERS)

    def applied(name: str) -> torch.Tensor:
        hook = augment_hook(f"mine.py:{name}", {}, base=tmp_path)
        return hook(torch.zeros(3, 8, 6), torch.Generator())

    Refusal(lambda: applied(wrong), says, lambda: applied("mirrored")).require(ModelError)
