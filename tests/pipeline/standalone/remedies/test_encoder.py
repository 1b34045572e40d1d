"""The remedies in an exported encoder's messages about items unlike those of its training work."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from remedies import Call, Refusal
from torch import nn
from tripletmine.models.images.transforms import Scaling
from tripletmine.pipeline.data.pictures.decode import Decoding
from tripletmine.pipeline.data.pictures.exported import PictureReader
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.standalone.exported_encoder import Encoder

SHAPE = (4, 5, 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
FLOATS = PIXELS.astype(np.float32)

Built = partial(
    Encoder, nn.Sequential(nn.Flatten(), nn.Linear(60, 2)).eval(), SHAPE, normalise=True, scaling=Scaling()
)
OF_PIXELS = Built(item_dtype="uint8")
OF_FLOATS = Built(item_dtype="float32")
OF_FILES = Built(item_dtype="uint8", pictures=PictureReader(Decoding(), SHAPE))
"""As exports of runs on image files are today."""
HOLES = np.where(PIXELS < 9, np.nan, FLOATS)


def encode(encoder: Encoder, items: Any) -> Call:
    return lambda: encoder.encode(items)


REFUSALS = {
    "paths": Refusal(
        encode(OF_PIXELS, ["a.png"]),
        "give arrays of shape (N, 4, 5, 3), or export it again if the run was on image files",
        encode(OF_PIXELS, PIXELS),
        encode(OF_FILES, ["a.png"]),
    ),
    "one path": Refusal(
        encode(OF_FILES, "a.png"),
        "items are one path, a.png, but must be a list: give ['a.png']",
        encode(OF_FILES, ["a.png"]),
    ),
    "another shape": Refusal(
        encode(OF_PIXELS, PIXELS[:, :3]),
        "give at least one item, and each in the shape it had in training",
        encode(OF_PIXELS, PIXELS[:1]),
    ),
    "another size": Refusal(
        encode(OF_FILES, PIXELS[:, :3]),
        "in the shape it had in training; or the paths of image files, which are resized",
        encode(OF_FILES, PIXELS[:1]),
        encode(OF_FILES, ["a.png"]),
    ),
    "pixels for floats": Refusal(
        encode(OF_FLOATS, PIXELS),
        "give items.astype('float32'), in the range they had in training",
        encode(OF_FLOATS, PIXELS.astype("float32")),
    ),
    "integers": Refusal(
        encode(OF_PIXELS, PIXELS.astype(int)),
        "items are int64 but must be uint8 or float32: convert them",
        encode(OF_PIXELS, PIXELS.astype(int).astype(np.uint8)),
        encode(OF_FLOATS, PIXELS.astype(int).astype(np.float32)),
    ),
    "NaN": Refusal(
        encode(OF_FLOATS, HOLES),
        "items hold NaN or infinite values: repair them, or leave them out",
        encode(OF_FLOATS, np.nan_to_num(HOLES)),
        encode(OF_FLOATS, np.concatenate([HOLES, FLOATS])[3:]),
    ),
    "floats beyond 1": Refusal(
        encode(OF_PIXELS, FLOATS),
        "give the pixels as uint8, or divide them by 255",
        encode(OF_PIXELS, FLOATS.astype(np.uint8)),
        encode(OF_PIXELS, FLOATS / 255),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS[0]).save("a.png")
    refusal.require(DataError)
