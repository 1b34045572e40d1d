"""Receipts: the files that a task wrote, with size and digest."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import CorruptError
from .digest import digest_file, digest_json
from .names import RECEIPTS
from .publish import fsync_file, fsync_folder
from .sealed import publish_sealed, read_sealed


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Size in bytes and SHA-256 of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One task's output: its files (paths relative to the stage's folder), rows, and a small report.

    It has neither times nor hosts, so that the same work gives the same receipt everywhere.
    """

    task: str
    rows: int
    files: Mapping[str, FileStamp]
    report: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready form; see `receipt_from_json`."""
        return {
            "task": self.task,
            "rows": self.rows,
            "files": {name: asdict(stamp) for name, stamp in sorted(self.files.items())},
            "report": dict(self.report),
        }

    @property
    def digest(self) -> str:
        """Digest of the receipt."""
        return digest_json(self.as_json())


def stamp_files(folder: Path, names: Iterable[str]) -> dict[str, FileStamp]:
    """Force files to disk and return their stamps, by name.

    Zarr's local store renames files without fsync, so that a receipt could otherwise survive a crash and its data not.
    """
    stamps: dict[str, FileStamp] = {}
    folders: set[Path] = set()
    for name in names:
        path = folder / name
        fsync_file(path)
        # New folders on the way to the file are entries of their parents.
        folders.update(parent for parent in path.parents if parent.is_relative_to(folder))
        stamps[name] = FileStamp(bytes=path.stat().st_size, sha256=digest_file(path))
    for parent in sorted(folders, key=lambda path: -len(path.parts)):
        fsync_folder(parent)
    return stamps


UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""Errors that JSON of another form, or with invalid numbers, can raise when a Receipt is made from it."""


def receipt_from_json(value: Any) -> Receipt:
    """The inverse of `Receipt.as_json`. Raises: one of UNREADABLE."""
    files = {
        _inside(str(name)): FileStamp(bytes=int(stamp["bytes"]), sha256=str(stamp["sha256"]))
        for name, stamp in value["files"].items()
    }
    return Receipt(
        task=str(value["task"]), rows=int(value["rows"]), files=files, report=dict(value["report"])
    )


def _inside(name: str) -> str:
    """The name, if it is inside the stage's folder: pruning deletes the files that a manifest names."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"the file name {name!r} leads out of the stage's folder")
    return name


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Publish a task's receipt, which marks the task as done."""
    publish_sealed(_path(folder, receipt.task), receipt.as_json())


def remove_receipt(folder: Path, task: str) -> None:
    """Delete a task's receipt, so that the task runs again."""
    _path(folder, task).unlink(missing_ok=True)


def read_receipts(folder: Path) -> dict[str, Receipt]:
    """Receipts of an unfinished stage, by task; their files are not checked.

    Raises: CorruptError for a receipt that was edited or damaged.
    """
    paths = sorted((folder / RECEIPTS).glob("*.json"))
    return {receipt.task: receipt for receipt in map(_read_receipt, paths)}


def receipt_names(folder: Path) -> list[str]:
    """File names of the receipts of an unfinished stage; empty if it is committed, even at the same moment."""
    try:
        names = [path.name for path in (folder / RECEIPTS).iterdir()]
    except FileNotFoundError:
        return []
    return [name for name in names if name.endswith(".json") and not name.startswith(".")]


def unreadable_receipts(folder: Path) -> list[Path]:
    """Paths of the damaged receipts of a stage."""
    found = []
    for path in sorted((folder / RECEIPTS).glob("*.json")):
        try:
            _read_receipt(path)
        except CorruptError:
            found.append(path)
    return found


def damaged_files(folder: Path, receipt: Receipt) -> list[str]:
    """The files of a receipt that are missing or have different content. Reads all of them."""
    short = misfits(folder, receipt)
    return short or [
        name for name, stamp in receipt.files.items() if digest_file(folder / name) != stamp.sha256
    ]


def task_stamp(folder: Path, task: str, name: str) -> FileStamp | None:
    """The stamp of a file that an earlier task of the same stage wrote; None if there is no such task or file.

    Raises: CorruptError for a damaged receipt.
    """
    path = _path(folder, task)
    return _read_receipt(path).files.get(name) if path.exists() else None


def task_report(folder: Path, task: str) -> Mapping[str, Any] | None:
    """The report of an earlier task of the same stage; None if there is no such task.

    Raises: CorruptError for a damaged receipt.
    """
    path = _path(folder, task)
    return _read_receipt(path).report if path.exists() else None


def misfits(folder: Path, receipt: Receipt) -> list[str]:
    """The files of a receipt that are missing or have a different size. Reads no content."""
    wrong = []
    for name, stamp in receipt.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != stamp.bytes:
            wrong.append(name)
    return wrong


def _read_receipt(path: Path) -> Receipt:
    try:
        receipt = receipt_from_json(read_sealed(path))
        if receipt.task != path.stem:
            raise ValueError(f"it belongs to {receipt.task}")
    except UNREADABLE as error:
        raise CorruptError(
            f"{path} is not a receipt ({type(error).__name__}: {error}): delete it, its task runs again"
        ) from None
    return receipt


def _path(folder: Path, task: str) -> Path:
    return folder / RECEIPTS / f"{task}.json"
