"""Count files of a data set that are outside its folder."""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..files import is_url, join

ABSOLUTE = "by absolute paths"
UPWARD = 'by ".."'
LINKED = "by links"


def outside(folder: str, names: Iterable[str]) -> dict[str, int]:
    """How many of the files `names`, relative to `folder`, are outside it, by how the name leads there.

    URLs are not counted, except those of local files.
    """
    counts = dict.fromkeys((ABSOLUTE, UPWARD, LINKED), 0)
    if is_url(folder):
        return {}
    root = os.path.realpath(folder)
    for name in names:
        local = name.removeprefix("file://").removeprefix("local://")
        if is_url(local) or _is_within(os.path.realpath(join(folder, local)), root):
            continue
        if PurePosixPath(local).is_absolute():
            counts[ABSOLUTE] += 1
        else:
            upward = not _is_within(os.path.normpath(join(folder, local)), os.path.normpath(folder))
            counts[UPWARD if upward else LINKED] += 1
    return {way: count for way, count in counts.items() if count}


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
