"""Folders of image files with links, hidden folders and leftovers of archives, and an independent reader of them."""

# ruff: noqa: PTH112, PTH113, PTH114, PTH118, PTH122, PTH208  os.path, since the reader under test uses pathlib and
# scandir

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hypothesis import strategies as st

Tree = dict[str, object]
"""Name → tree, or `FILE`, or `PIPE`, or a link's target."""

FILE, PIPE = object(), object()

_CLASSES = ("a", "b", "Ä", unicodedata.normalize("NFD", "Ä"), "a ", " ", "x.png")
_SPLITS = ("train", "Train", "training", "val", "Valid", "validation", "test", "TESTING", "Train ")
_LEFT = (".hidden", "__MACOSX", ".git", "@eaDir", "__pycache__", "lost+found")
_IMAGES = (
    "0.png",
    "1.PNG",
    "2.jpg",
    "3.jpeg",
    "4.JFIF",
    "5.webp",
    "6.tar.gif",
    "7\n.bmp",
    "8 .tiff",
    "é.pgm",
)
_OTHERS = (
    "t.txt",
    "noext",
    "h.heic",
    "p.png.txt",
    ".png",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "._0.png",
    "n.",
    "x.npy",
)
_NOT_UTF8 = ("\udcff.png", "\udcff", "z.\udcff")
_TARGETS = (
    *(
        "..",
        ".",
        "../..",
        "../a",
        "../b/0.png",
        "0.png",
        "a",
        "b",
        "missing",
        "itself",
        "../.hidden",
        ".hidden",
    ),
    *(
        "../../outside",
        "../outside",
        "../../outside/in",
        "../outside/in",
        "../outside/0.png",
        "train",
        "../train/a",
    ),
)

_SUFFIXES = (
    *(
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".gif",
        ".pbm",
        ".pgm",
        ".ppm",
        ".pnm",
        ".tif",
    ),
    *(".tiff", ".webp", ".avif"),
)
"""As the documentation lists them. Pillow's wheels read AVIF."""

_LEFTOVERS = {
    *("__macosx", "thumbs.db", "desktop.ini", "__pycache__", "@eadir", "$recycle.bin"),
    *("system volume information", "lost+found"),
}
_SPLIT_OF = {
    **dict.fromkeys(["train", "training"], "train"),
    **dict.fromkeys(["val", "valid", "validation"], "validation"),
    **dict.fromkeys(["test", "testing"], "test"),
}


def _leaves() -> st.SearchStrategy[Tree]:
    files = st.dictionaries(st.sampled_from(_IMAGES), st.just(FILE), max_size=3)
    others = st.dictionaries(st.sampled_from(_OTHERS), st.sampled_from([FILE, FILE, PIPE]), max_size=2)
    links = st.dictionaries(
        st.sampled_from(["l", "l.png", "itself", "b", "c", ".l"]), st.sampled_from(_TARGETS), max_size=2
    )
    odd = st.one_of(
        st.just({}), st.just({}), st.dictionaries(st.sampled_from(_NOT_UTF8), st.just(FILE), max_size=1)
    )
    return st.tuples(others, links, odd, files).map(
        lambda parts: {k: v for part in parts for k, v in part.items()}
    )


def _folders(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    names = st.sampled_from([*_CLASSES, *_CLASSES, *_SPLITS, *_LEFT, "\udcfe"])
    few = st.dictionaries(names, inner, min_size=1, max_size=3)
    return st.tuples(_leaves(), few).map(lambda parts: {**parts[0], **parts[1]})


def _classes(images: st.SearchStrategy[Tree], names: Sequence[str] = _CLASSES) -> st.SearchStrategy[Tree]:
    """Without anything odd at the top, so that most are read."""
    return st.dictionaries(st.sampled_from(names), images, min_size=1, max_size=4)


def trees() -> st.SearchStrategy[Tree]:
    """What a root holds: any folders, or classes, or splits of classes."""
    some = st.dictionaries(st.sampled_from(_IMAGES), st.just(FILE), min_size=1, max_size=2)
    filled = st.tuples(_leaves(), some).map(lambda parts: {**parts[0], **parts[1]})
    nested = st.one_of(
        filled, st.tuples(filled, _folders(filled)).map(lambda parts: {**parts[1], **parts[0]})
    )
    splits = _classes(_classes(nested), _SPLITS)
    top = st.one_of(_classes(nested), _classes(nested), splits, splits, _folders(_folders(_leaves())))
    return st.tuples(st.one_of(st.just(Tree()), _leaves()), top).map(lambda parts: {**parts[0], **parts[1]})


def build(folder: Path, tree: Tree) -> None:
    """Make the files and folders of a tree."""
    folder.mkdir()
    for name, node in tree.items():
        path = folder / name
        if isinstance(node, dict):
            build(path, node)
        elif node is FILE:
            path.write_bytes(b"\0")
        elif node is PIPE:
            os.mkfifo(path)
        else:
            path.symlink_to(str(node))


@dataclass
class Listing:
    """Images by path relative to the root, and what is left out, counted by kind as the data set reports it."""

    images: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    linked: int = 0
    folders: set[str] = field(default_factory=set)
    seen: int = 0


def listing(root: str) -> Listing:
    """Every entry of every folder once, by real paths. Links to folders inside, above or already read are not
    followed."""
    real = os.path.realpath(root)
    above = {real, *map(str, Path(real).parents)}
    inside = set()
    for parent, folders, _ in os.walk(real):
        inside.add(parent)
        folders[:] = [name for name in folders if not _is_left(name)]
    found, entered = Listing(), set()

    def visit(relative: str, *, linked: bool) -> None:
        for name in sorted(os.listdir(os.path.join(root, relative))):
            path = os.path.join(root, relative, name)
            inner = os.path.join(relative, name)
            target, link = os.path.realpath(path), os.path.islink(path)
            found.seen += 1
            if _is_left(name):
                found.left_out["hidden, or left by a system or archive"] += 1
            elif os.path.isdir(path):
                if link and target in above:
                    found.left_out["links to folders above"] += 1
                elif target in entered or (link and target in inside):
                    found.left_out["links to folders that are read already"] += 1
                else:
                    entered.add(target)
                    found.folders.add(inner)
                    visit(inner, linked=linked or link)
            elif not os.path.isfile(path):
                found.left_out["links to nothing" if link else "neither files nor folders"] += 1
            elif os.path.splitext(name.lower())[1] in _SUFFIXES:
                found.images.append(inner)
                found.linked += linked or link
            else:
                suffix = PurePosixPath(name).suffix.lower()
                found.left_out[f"*{suffix}" if "." in name else "no suffix"] += 1

    visit("", linked=False)
    return found


def _is_left(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFTOVERS


def _is_split(name: str) -> bool:
    return name.strip().lower() in _SPLIT_OF


@dataclass(frozen=True, slots=True)
class Rows:
    """What the data set must have: (name, class, split) of each image."""

    rows: set[tuple[str, str, str | None]]
    left_out: dict[str, int]


def rows_of(found: Listing) -> Rows | None:
    """The rows of the folder; None where it must be refused."""
    tops = {name for name in found.folders if "/" not in name}
    with_folders = {name.partition("/")[0] for name in found.folders if "/" in name}
    splits = {name for name in tops & with_folders if _is_split(name)}
    if not tops or (splits and splits != tops):
        return None
    if len({_SPLIT_OF[name.strip().lower()] for name in splits}) < len(splits):
        return None
    depth = 2 if splits else 1
    rows = set()
    for image in found.images:
        parts = image.split("/")
        if len(parts) > depth:
            split = _SPLIT_OF[parts[0].strip().lower()] if splits else None
            rows.add((image, parts[depth - 1].strip(), split))
    classes = {tuple(name.split("/")[:depth]) for name in found.folders if name.count("/") >= depth - 1}
    if classes != {tuple(name.split("/")[:depth]) for name, _, _ in rows} or "" in {
        label for _, label, _ in rows
    }:
        return None
    try:
        "".join(name for name, _, _ in rows).encode()
    except UnicodeEncodeError:
        return None
    left_out = Counter(found.left_out)
    left_out["images outside of class folders"] += len(found.images) - len(rows)
    return Rows(rows, {kind: count for kind, count in left_out.items() if count})
