"""Image files read as the run did, from what encoder.json says."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.pictures.decode import Decoding
from tripletmine.pipeline.data.pictures.exported import as_json, from_json
from tripletmine.pipeline.errors import DataError


@pytest.mark.parametrize(
    "decoding",
    [Decoding(), Decoding("grey", (4, 3)), Decoding("rgb", (9, 9), "#102030")],
    ids=["plain", "grey", "large"],
)
def test_files_are_read_as_by_the_run(image_folder: Path, decoding: Decoding):
    Image.new("RGBA", (5, 6), (1, 2, 3, 100)).save(image_folder / "cat" / "10.png")
    data = ImageFolder(str(image_folder), decoding)
    reader = from_json(json.loads(json.dumps(as_json(decoding))), data.item_shape)
    paths = [image_folder / name for name in data.rows.keys.to_pylist()]
    batches = list(reader.batches([str(paths[0]), *paths[1:]], 2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(batches), data.read(np.arange(5)))


def test_another_size_is_refused_where_the_run_did_not_resize(
    tmp_path: Path, write_image: Callable[..., Path]
):
    path = write_image(tmp_path / "a.png", 1, height=7, width=9)
    reader = from_json(as_json(Decoding()), (6, 5, 3))
    with pytest.raises(DataError, match=r"a\.png has 7 × 9 pixels but training images had 6 × 5"):
        list(reader.batches([path], 8))


def test_another_way_of_resizing_is_refused():
    with pytest.raises(ValueError, match="resized by lanczos"):
        from_json({**as_json(Decoding()), "resampling": "lanczos"}, (6, 5, 3))
