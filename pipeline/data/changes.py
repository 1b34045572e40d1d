"""Compare a data set's files with those that a run began with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .marks import SCHEMA, FileLists, hash_files

_NAMED = 3
"""Number of files of each kind that a message names."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of files that differ. touched: same size but another time, and no digest from when the run began."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    touched: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.touched)

    @property
    def only_touched(self) -> bool:
        """Whether the contents may all be unchanged."""
        return bool(self.touched) and not (self.added or self.removed or self.changed)

    def __str__(self) -> str:
        kinds = (
            (self.added, "added"),
            (self.removed, "removed"),
            (self.changed, "changed"),
            (self.touched, "with another modification time"),
        )
        return ", ".join(_some(names, what) for names, what in kinds if names)


def _some(names: list[str], what: str) -> str:
    more = ", …" if len(names) > _NAMED else ""
    return f"{len(names):,} file{'s' if len(names) > 1 else ''} {what} ({', '.join(names[:_NAMED])}{more})"


def compare_files(before: pa.Table, now: pa.Table, files: FileLists) -> tuple[Changes, pa.Table]:
    """The changes between two tables of marks, and `now` completed with all digests that are known.

    A file with another time is read if its earlier digest is known.
    """
    if (completed := _unchanged(before, now)) is not None:
        return Changes([], [], [], []), completed
    known, there = _by_place(before), _by_place(now)
    both = there.keys() & known.keys()
    moved = {place for place in both if there[place]["changed"] != known[place]["changed"]}
    for part, (folder, _) in files.items():
        unread = sorted(
            name
            for of, name in moved
            if of == part and known[of, name]["content"] and not there[of, name]["content"]
        )
        for name, content in zip(unread, hash_files(folder, unread), strict=True):
            there[part, name]["content"] = content
    changed, touched = set[_Place](), set[_Place]()
    for place in both:
        old, new = known[place], there[place]
        if place not in moved and old["size"] == new["size"]:
            new["content"] = new["content"] or old["content"]
        if old["size"] != new["size"] or (
            old["content"] and new["content"] and old["content"] != new["content"]
        ):
            changed.add(place)
        elif place in moved and not old["content"]:
            touched.add(place)
    changes = Changes(
        added=_names(there.keys() - known.keys()),
        removed=_names(known.keys() - there.keys()),
        changed=_names(changed),
        touched=_names(touched),
    )
    return changes, pa.Table.from_pylist(list(there.values()), schema=SCHEMA)


def _unchanged(before: pa.Table, now: pa.Table) -> pa.Table | None:
    """`now` with all digests that are known, if no file changed; else None. Without a Python object for each file."""
    if any(not before[name].equals(now[name]) for name in SCHEMA.names if name != "content"):
        return None
    old, new = before["content"], now["content"]
    if pc.any(pc.not_equal(old, new)).as_py():  # pyright: ignore[reportAttributeAccessIssue]  made at import
        return None
    place = SCHEMA.get_field_index("content")
    return now.set_column(place, SCHEMA.field("content"), pc.coalesce(new, old))  # pyright: ignore[reportAttributeAccessIssue]


_Place = tuple[str, str]
"""Part and name of a file."""


def _by_place(marks: pa.Table) -> dict[_Place, dict[str, Any]]:
    return {(mark["part"], mark["name"]): mark for mark in marks.to_pylist()}


def _names(places: Iterable[_Place]) -> list[str]:
    return sorted(name for _, name in places)
