"""An epoch of FaceNet's batches: few classes, and images of any class."""

from pathlib import Path

import numpy as np

from ..runs import finish, small_spec


def test_a_run_trains_on_them(tmp_path: Path) -> None:
    train = {"batches": "class_balanced", "classes_per_batch": 3, "images_per_class": 8, "random_images": 16}
    spec = small_spec(tmp_path, run={"epochs": 1}, train={**train, "images_per_epoch": 400})
    report = next(found.manifest.report for found in finish(spec) if found.ref.stage == "train")
    assert report["steps"] == 10
    assert np.isfinite(report["loss"])
