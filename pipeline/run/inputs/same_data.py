"""Check whether the data set is still the one that a run began with, and if not, what has changed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...artifacts.data_files import read_data_files, write_data_files
from ...artifacts.record import rows_keys
from ...artifacts.rows import ROWS_FILE, read_rows_table
from ...data.base import DataSet
from ...data.changes import compare_files
from ...data.marks import mark_files, without_contents
from ...errors import CorruptError
from ...runfile.run_spec import RunSpec


@dataclass(frozen=True, slots=True)
class Seen:
    """The data set as it is now. identity: that of the run if nothing has changed. marks: those of its files.

    change: the difference from the data set of the run, for a message; None if there is none.
    """

    identity: dict[str, Any]
    marks: pa.Table
    change: str | None = None


def first_look(spec: RunSpec, data: DataSet) -> Seen:
    """The data set of a run without run.json. If that file was lost, the list of data files may still exist."""
    marks = mark_files(data.file_lists(), hash_content=spec.data.hash_content)
    identities = [_plain(data.identity(some)) for some in (marks, without_contents(marks))]
    known = (each for each in identities if read_data_files(spec.root, each) is not None)
    return Seen(next(known, identities[0]), marks)


def look_again(spec: RunSpec, data: DataSet, before: dict[str, Any]) -> Seen:
    """Compare the data set with that of the run. before: the content of run.json.

    Changed file times are ignored if the known digests show that the bytes are the same.
    """
    identity, marks = before["identity"], mark_files(data.file_lists(), hash_content=spec.data.hash_content)
    now = _plain(rows_keys(spec))
    if before["rows_keys"] != now:
        return Seen(identity, marks, f"it was {_short(before['rows_keys'])} and now is {_short(now)}")
    listed = read_data_files(spec.root, identity)
    if listed is None:
        change, marks = _compare_identities(data, identity, marks)
    else:
        changes, marks = compare_files(listed, marks, data.file_lists())
        change = str(changes) or None
        if changes.only_touched:
            change = f"{change}, and with the same size; whether their bytes are the same is unknown"
    if change is None:
        change = _rows_changed(spec.root / ROWS_FILE, data)
    if change is None and (listed is None or not listed.equals(marks)):
        write_data_files(spec.root, marks, identity)
    return Seen(identity, marks, change)


def _compare_identities(
    data: DataSet, identity: dict[str, Any], marks: pa.Table
) -> tuple[str | None, pa.Table]:
    """The change and the marks for a run without a list of its data files."""
    if _by_content(identity) and marks["content"].null_count:
        marks = mark_files(data.file_lists(), hash_content=True)
    now = _plain(data.identity(marks if _by_content(identity) else without_contents(marks)))
    if now == identity:
        return None, marks
    unknown = "; which files changed is unknown, because the run has no list of them" if len(marks) else ""
    return f"it was {_short(identity)} and now is {_short(now)}{unknown}", marks


def _by_content(identity: dict[str, Any]) -> bool:
    parts = [identity, *(part for part in identity.values() if isinstance(part, dict))]
    return any(part.get("by") == "content" for part in parts)


def _rows_changed(path: Path, data: DataSet) -> str | None:
    """The difference in the rows, since the same files may now have other labels. Damaged rows are reported
    elsewhere."""
    try:
        return read_rows_table(path).difference(data) if path.exists() else None
    except CorruptError:
        return None


def _plain(value: Any) -> Any:
    """The value after a round trip through JSON."""
    return json.loads(json.dumps(value))


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "…"
