import numpy as np
import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.images.transforms import (
    AugmentSettings,
    Scaling,
    TrainTransform,
    augment,
    input_shape_of,
    to_tensor,
)


def images(count=6, height=7, width=5, channels=2, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("item", "seen"), [((8,), (8,)), ((8, 6), (1, 8, 6)), ((8, 6, 3), (3, 8, 6)), ([28, 28, 1], (1, 28, 28))]
)
def test_the_encoder_sees_channels_first(item, seen):
    assert input_shape_of(item) == seen
    assert tuple(to_tensor(np.zeros((2, *item), np.uint8)).shape[1:]) == seen


@pytest.mark.parametrize("item", [(), (1, 2, 3, 4)])
def test_other_shapes_are_refused(item):
    with pytest.raises(ModelError, match="must be vectors"):
        input_shape_of(item)


def test_uint8_is_brought_to_one_and_then_scaled_by_channel():
    raw = images()
    found = to_tensor(raw, Scaling((0.5, 0.25), (2.0, 0.5)))
    expected = (raw.transpose(0, 3, 1, 2) / 255 - np.array([0.5, 0.25])[:, None, None]) / np.array([2, 0.5])[
        :, None, None
    ]
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_float32_is_scaled_without_dividing_by_255_and_never_written_to():
    raw = np.random.default_rng(0).random((4, 3), np.float32)
    kept = raw.copy()
    np.testing.assert_allclose(to_tensor(raw, Scaling(0.5, 2.0)).numpy(), (kept - 0.5) / 2, atol=1e-6)
    np.testing.assert_allclose(to_tensor(raw, Scaling(0.5)).numpy(), kept - 0.5, atol=1e-6)
    np.testing.assert_array_equal(raw, kept)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_grey_images_are_channels_last_for_torch_too(dtype: type[np.generic]):
    found = to_tensor(np.ones((2, 5, 4), dtype))
    assert found.stride() == (20, 1, 4, 1)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_read_only_array_is_taken():
    raw = np.ones((2, 3), np.float32)
    raw.flags.writeable = False
    to_tensor(raw).add_(1)
    assert (raw == 1).all()


@pytest.mark.parametrize(
    ("array", "scaling", "said"),
    [
        (np.zeros((2, 3), np.float64), Scaling(), "images are float64 but must be uint8 or float32"),
        (
            np.zeros((2, 4, 4, 3), np.uint8),
            Scaling((0.1, 0.2)),
            "mean has 2 values but items have 3 channels",
        ),
    ],
)
def test_wrong_input_is_refused(array, scaling, said):
    with pytest.raises(ModelError, match=said):
        to_tensor(array, scaling)


def test_a_standard_deviation_of_zero_is_refused():
    with pytest.raises(ModelError, match=r"std is 0\.0 but must be above 0\.0"):
        Scaling(std=(1.0, 0.0))


def slow_shift(image, down, right, black):
    """image (C, H, W); the pixel at (y, x) comes from (y + down, x + right)."""
    moved = np.empty_like(image)
    for c, y, x in np.ndindex(image.shape):
        inside = 0 <= y + down < image.shape[1] and 0 <= x + right < image.shape[2]
        moved[c, y, x] = image[c, y + down, x + right] if inside else black[c]
    return moved


def test_every_augmented_image_is_a_shifted_and_perhaps_mirrored_original_and_all_kinds_occur():
    black = np.array([-1.0, 2.0], np.float32)
    originals = to_tensor(images(count=200))
    found = augment(
        originals, AugmentSettings(shift=1, flip=True), generator(), black=torch.from_numpy(black)
    ).numpy()
    seen = set()
    for before, after in zip(originals.numpy(), found, strict=True):
        kinds = [
            (mirrored, down, right)
            for mirrored in (False, True)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if np.array_equal(
                slow_shift(before[..., ::-1] if mirrored else before, down, right, black), after
            )
        ]
        assert len(kinds) == 1
        seen.update(kinds)
    assert len(seen) == 18


def test_the_generator_decides():
    batch, settings = to_tensor(images(count=30)), AugmentSettings(shift=2, flip=True)
    assert torch.equal(augment(batch, settings, generator(1)), augment(batch, settings, generator(1)))
    assert not torch.equal(augment(batch, settings, generator(1)), augment(batch, settings, generator(2)))


def test_without_settings_nothing_is_copied():
    batch = to_tensor(images())
    assert augment(batch, AugmentSettings(), generator()) is batch


@pytest.mark.parametrize(
    ("batch", "shift", "said"),
    [
        (torch.zeros(2, 5), 1, "need images"),
        (torch.zeros(2, 1, 8, 4), 2, "shift is 2 but images are 8×4"),
    ],
)
def test_augmentation_that_does_not_fit_is_refused(batch, shift, said):
    with pytest.raises(ModelError, match=said):
        augment(batch, AugmentSettings(shift=shift), generator())


def test_a_negative_shift_is_refused():
    with pytest.raises(ModelError, match=r"shift is -1"):
        AugmentSettings(shift=-1)


def test_a_training_transform_depends_on_seed_and_step_only_and_fills_with_scaled_black():
    transform = TrainTransform(Scaling(0.5, 0.5), AugmentSettings(shift=2), seed=3)
    raw = np.full((20, 8, 8, 1), 255, np.uint8)
    first = transform(raw, 7)
    assert torch.equal(first, transform(raw, 7))
    assert not torch.equal(first, transform(raw, 8))
    assert not torch.equal(first, TrainTransform(Scaling(0.5, 0.5), AugmentSettings(shift=2), seed=4)(raw, 7))
    torch.testing.assert_close(first.unique(), torch.tensor([-1.0, 1.0]))
