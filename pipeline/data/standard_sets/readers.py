"""Readers of the official folders of five data sets, with the splits that papers use."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import DataError
from .listed import Listed, found_in, lines_of, number_in, require_pictures

_CUB_TRAIN, _CARS_TRAIN = 100, 98
"""Number of training classes, the first half (Oh Song et al., Lifted Structured Feature Embedding, CVPR 2016)."""
_JUNK, _DISTRACTOR = "-1", "0000"
_MARKET = re.compile(r"(-1|\d{4})_c(\d+)s\d+_\d+_\d+\.jpe?g(\.jpg)?")


def cub(root: Path) -> list[Listed]:
    """CUB-200-2011: images.txt and image_class_labels.txt; the first 100 classes are for training, others for test."""
    names = found_in(root, "images.txt", "CUB_200_2011")
    labels = found_in(names.parent, "image_class_labels.txt")
    class_of = {picture: number_in(code, labels) for picture, code in lines_of(labels, 2)}
    rows = []
    for picture, path in lines_of(names, 2):
        if picture not in class_of:
            raise DataError(
                f"{labels} has no class for picture {picture} of {names}: unpack the data set again"
            )
        code = class_of[picture]
        label = path.partition("/")[0]
        rows.append(Listed(names.parent / "images" / path, label, "train" if code <= _CUB_TRAIN else "test"))
    require_pictures(rows, names)
    return rows


def cars(root: Path) -> list[Listed]:
    """Cars-196: cars_annos.mat with car_ims, or the development kit with cars_train and cars_test.

    The first 98 classes are for training, the rest for test.
    """
    rows = []
    if (root / "cars_annos.mat").exists():
        listed_by = root / "cars_annos.mat"
        annotations = _annotations(listed_by, "relative_im_path")
        rows += [_car(root / each["relative_im_path"], each["class"]) for each in annotations]
    else:
        listed_by = found_in(root, "cars_train_annos.mat", "devkit", "car_devkit/devkit")
        tested = found_in(root, "cars_test_annos_withlabels.mat", "devkit", "car_devkit/devkit")
        for path, folder in ((listed_by, "cars_train"), (tested, "cars_test")):
            pictures = found_in(root, folder)
            # An archive unpacked on its own may contain a folder of its own name.
            pictures = pictures / folder if (pictures / folder).is_dir() else pictures
            rows += [_car(pictures / each["fname"], each["class"]) for each in _annotations(path, "fname")]
    require_pictures(rows, listed_by)
    return rows


def sop(root: Path) -> list[Listed]:
    """Stanford Online Products: Ebay_train.txt and Ebay_test.txt."""
    rows = []
    for name, split in (("Ebay_train.txt", "train"), ("Ebay_test.txt", "test")):
        listed_by = found_in(root, name, "Stanford_Online_Products")
        for _, code, _, path in lines_of(listed_by, 4, skip=1):
            rows.append(Listed(listed_by.parent / path, code, split))
        require_pictures(rows, listed_by)
    return rows


def in_shop(root: Path) -> list[Listed]:
    """DeepFashion In-Shop Clothes Retrieval: list_eval_partition.txt; the test has queries and a gallery."""
    listed_by = found_in(root, "list_eval_partition.txt", "Eval", "Anno")
    pictures = found_in(root, "img", "Img").parent
    as_said = {"train": ("train", ""), "query": ("test", "query"), "gallery": ("test", "gallery")}
    rows = []
    for path, item, status in lines_of(listed_by, 3, skip=2):
        if status not in as_said:
            raise DataError(
                f"{listed_by} has the status {status!r} but known are {', '.join(as_said)}: unpack the data set again"
            )
        rows.append(Listed(pictures / path, item, *as_said[status]))
    require_pictures(rows, listed_by)
    return rows


def market(root: Path) -> list[Listed]:
    """Market-1501: bounding_box_train, query and bounding_box_test, with the camera as group.

    Pictures of person −1 are junk, which the official evaluation ignores: they are left out. Those of 0000 are
    distractors, which show none of the persons: each stays in the gallery under its own label, so that retrieving it is
    always an error.
    """
    parts = {
        "bounding_box_train": ("train", ""),
        "query": ("test", "query"),
        "bounding_box_test": ("test", "gallery"),
    }
    rows = []
    for name, (split, role) in parts.items():
        folder = found_in(root, name, "Market-1501-v15.09.15")
        listed = []
        for path in sorted(folder.iterdir()):
            named = _MARKET.fullmatch(path.name)
            if named is None or named[1] == _JUNK:
                continue
            label = f"{_DISTRACTOR} {path.name}" if named[1] == _DISTRACTOR else named[1]
            listed.append(Listed(path, label, split, role, f"c{named[2]}"))
        require_pictures(listed, folder)
        rows += listed
    return rows


READERS: Mapping[str, Callable[[Path], list[Listed]]] = {
    "cub": cub,
    "cars": cars,
    "sop": sop,
    "in-shop": in_shop,
    "market": market,
}


def _car(path: Path, code: int) -> Listed:
    return Listed(path, f"{code:03}", "train" if code <= _CARS_TRAIN else "test")


def _annotations(path: Path, named: str) -> list[dict[str, Any]]:
    """The struct array `annotations` of a .mat file, as one dictionary per picture.

    named: the field with the picture's name. Raises: DataError for a file without annotations or classes.
    """
    from scipy.io import loadmat

    try:
        found = loadmat(path, simplify_cells=True)["annotations"]
        found = [found] if isinstance(found, dict) else list(found)
        return [{named: str(each[named]), "class": int(each["class"])} for each in found]
    except Exception as error:  # SciPy raises all kinds of errors for a damaged file
        raise DataError(
            f"{path} has no annotations with {named} and class ({type(error).__name__}: {error}): give the official "
            "file"
        ) from None
