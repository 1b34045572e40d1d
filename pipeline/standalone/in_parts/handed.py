"""Pass arrays to tasks on workers in one file, which each process reads once."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.guarding.never_negatives import PairLists
from ....mining.labels import Labels
from ...storage.publish import published

_NAMES, _STARTS, _PARTNERS = "names", "starts", "partners"


def hand_over(path: Path, arrays: Mapping[str, NDArray[Any] | None]) -> None:
    """Write arrays to a file, without those that are None."""
    with published(path) as partial, partial.open("wb") as file:
        there: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
        np.savez(file, **there)


@lru_cache(maxsize=1)
def handed(path: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays written by `hand_over`. They are cached by path, so a path must never be written twice."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def of_labels(labels: Labels) -> dict[str, NDArray[Any] | None]:
    """Labels as arrays."""
    names = np.frombuffer(json.dumps(list(labels.names)).encode(), np.uint8)
    return {_NAMES: names, "members": labels.members, "offsets": labels.offsets}


def labels_of(arrays: Mapping[str, NDArray[Any]]) -> Labels:
    """The labels from the arrays of `of_labels`."""
    names = tuple(json.loads(arrays[_NAMES].tobytes()))
    return Labels(names, arrays["members"], arrays.get("offsets"))


def of_lists(lists: PairLists | None) -> dict[str, NDArray[Any] | None]:
    """Pairs that are never negatives as arrays."""
    if lists is None:
        return {}
    return {_STARTS: lists.starts, _PARTNERS: lists.partners}


def lists_of(arrays: Mapping[str, NDArray[Any]]) -> PairLists | None:
    """The pairs from the arrays of `of_lists`; None if there are none."""
    return PairLists(arrays[_STARTS], arrays[_PARTNERS]) if _STARTS in arrays else None
