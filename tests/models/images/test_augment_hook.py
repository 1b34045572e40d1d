"""A user's own augmentation: what it gets, that sharing out a batch changes nothing, and what is refused."""

import numpy as np
import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.images.augment_hook import augment_hook
from tripletmine.models.images.settings import AugmentSettings
from tripletmine.models.images.transforms import Scaling, TrainTransform

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)

FILE = """
import torch

def noisy(strength=1.0):
    def add(image, generator):
        assert image.dtype == torch.float32 and image.shape == (1, 8, 8)
        return image + strength * torch.randn(image.shape, generator=generator)
    return add

def failing():
    raise RuntimeError("no such disk")

def nothing():
    return None

def smaller():
    return lambda image, generator: image[:, :4]

def broken():
    return lambda image, generator: image.missing
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path


def transform(folder, factory="noisy", shift=1, **arguments):
    hook = augment_hook(f"mine.py:{factory}", arguments, base=folder)
    return TrainTransform(Scaling(0.5, 0.5), AugmentSettings(shift=shift, flip=True), seed=3, hook=hook)


def test_the_hook_is_the_last_to_change_an_image_and_gets_its_arguments(folder):
    plain = TrainTransform(Scaling(0.5, 0.5), AugmentSettings(shift=1, flip=True), seed=3)
    torch.testing.assert_close(transform(folder, strength=0.0)(IMAGES, 4), plain(IMAGES, 4))
    change = transform(folder, strength=0.1)(IMAGES, 4) - plain(IMAGES, 4)
    assert 0.05 < float(change.std()) < 0.2
    assert not torch.allclose(change[0], change[1])


def test_an_image_is_changed_alike_in_the_batch_and_in_a_share_of_it(folder):
    changed = transform(folder)
    whole = changed(IMAGES, 4)
    torch.testing.assert_close(changed(IMAGES[2:5], 4, first=2, batch=6), whole[2:5], rtol=0, atol=0)
    assert not torch.allclose(changed(IMAGES, 5), whole)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("noisier", "has no 'noisier': did you mean 'noisy'"),
        ("failing", "augmentation 'mine.py:failing' failed: RuntimeError: no such disk"),
        ("nothing", "gave a NoneType but must give a function of (image, generator)"),
    ],
)
def test_a_factory_that_gives_no_function_is_refused(folder, factory, said):
    with pytest.raises(ModelError) as caught:
        transform(folder, factory)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("smaller", "returned torch.float32 (1, 4, 8) for an image torch.float32 (1, 8, 8)"),
        ("broken", "failed on an image (1, 8, 8): AttributeError"),
    ],
)
def test_a_function_that_gives_no_image_is_refused(folder, factory, said):
    with pytest.raises(ModelError) as caught:
        transform(folder, factory)(IMAGES, 0)
    assert said in str(caught.value)


def test_a_missing_file_is_named(folder):
    with pytest.raises(ModelError, match=r"augmentation 'other\.py:noisy': there is no file"):
        augment_hook("other.py:noisy", {}, base=folder)
