"""What a run records of its pictures, and runs that earlier versions began."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tripletmine.pipeline.artifacts.record import RUN_FILE, read_run_file
from tripletmine.pipeline.errors import StaleError
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from ..runs import small_spec, with_work


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    """A run on 40 pictures of two classes, all of them opaque although they have an alpha channel."""
    random = np.random.default_rng(0)
    for index in range(40):
        folder = tmp_path / "pets" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8, 8, 4), dtype=np.uint8)
        pixels[..., 3] = 255
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return small_spec(
        tmp_path, data={"kind": "image-folder", "path": "pets"}, graph={"neighbours": 10, "parts": 1}
    )


def opened(spec: RunSpec) -> dict:
    with open_run(spec):
        pass
    return read_run_file(spec.root)


def begun_by_an_earlier_version(spec: RunSpec) -> None:
    """Take out of run.json what earlier versions did not write."""
    value = read_sealed(spec.root / RUN_FILE)
    del value["pictures"], value["spec"]["data"]["background"]
    publish_sealed(spec.root / RUN_FILE, value)


def test_run_json_says_what_was_left_out(spec: RunSpec, tmp_path: Path):
    (tmp_path / "pets" / "cat" / "a.heic").write_bytes(b"x")
    before = opened(spec)
    assert before["pictures"] == {"background": "white", "left_out": {"*.heic": 1}, "reached_by_links": 0}
    (tmp_path / "pets" / "cat" / "a.heic").unlink()
    after = opened(spec)
    assert after["pictures"]["left_out"] == {}
    assert after["facts"] == before["facts"], "what is left out is no part of the data"


def test_an_earlier_run_without_transparency_goes_on(spec: RunSpec):
    before = opened(spec)
    begun_by_an_earlier_version(spec)
    assert opened(spec) == before
    assert "background" not in before["rows_keys"]


def test_an_earlier_run_on_transparent_pictures_is_refused(spec: RunSpec, tmp_path: Path):
    pixels = np.full((8, 8, 4), 100, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pets" / "cat" / "clear.png")
    opened(spec)
    begun_by_an_earlier_version(spec)
    with_work(spec)
    with pytest.raises(
        StaleError,
        match=r"1 of the 41 pictures .* transparent pixels, as cat/clear\.png: .*new run\.directory",
    ):
        opened(spec)


def test_another_background_is_another_run(spec: RunSpec):
    opened(spec)
    with_work(spec)
    black = spec.model_copy(update={"data": spec.data.model_copy(update={"background": "black"})})
    with pytest.raises(StaleError, match="background"):
        opened(black)
