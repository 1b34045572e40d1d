"""Receipts: what one task wrote, told apart from every other content by size and digest."""

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

    Holds neither times nor hosts, so that the same work gives the same receipt anywhere.
    """

    task: str
    rows: int
    files: Mapping[str, FileStamp]
    report: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready form, which `receipt_from_json` reads."""
        return {
            "task": self.task,
            "rows": self.rows,
            "files": {name: asdict(stamp) for name, stamp in sorted(self.files.items())},
            "report": dict(self.report),
        }

    @property
    def digest(self) -> str:
        """Digest of what the task wrote."""
        return digest_json(self.as_json())


def stamp_files(folder: Path, names: Iterable[str]) -> dict[str, FileStamp]:
    """Force files to disk, then measure them.

    Zarr's local store renames but does not fsync: without this a receipt could outlive its data.
    """
    stamps: dict[str, FileStamp] = {}
    folders: set[Path] = set()
    for name in names:
        path = folder / name
        fsync_file(path)
        # The new folders on the way to the file are entries of their parents, too.
        folders.update(parent for parent in path.parents if parent.is_relative_to(folder))
        stamps[name] = FileStamp(bytes=path.stat().st_size, sha256=digest_file(path))
    for parent in sorted(folders, key=lambda path: -len(path.parts)):
        fsync_folder(parent)
    return stamps


UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""All that JSON of another form, or nonsense numbers in it, can raise on the way to a Receipt."""


def receipt_from_json(value: Any) -> Receipt:
    """Read a receipt back. Raises: one of UNREADABLE."""
    files = {
        _inside(str(name)): FileStamp(bytes=int(stamp["bytes"]), sha256=str(stamp["sha256"]))
        for name, stamp in value["files"].items()
    }
    return Receipt(
        task=str(value["task"]), rows=int(value["rows"]), files=files, report=dict(value["report"])
    )


def _inside(name: str) -> str:
    """A file's name, which must not lead out of the stage's folder: what a manifest names, pruning deletes."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"the file name {name!r} leads out of the stage's folder")
    return name


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Publish a task's receipt: from now on the task counts as done."""
    publish_sealed(_path(folder, receipt.task), receipt.as_json())


def remove_receipt(folder: Path, task: str) -> None:
    """Make a task one that is to be done again."""
    _path(folder, task).unlink(missing_ok=True)


def read_receipts(folder: Path) -> dict[str, Receipt]:
    """Receipts of an unfinished stage, by task; files are not checked.

    Raises: CorruptError for a receipt that was tampered with or damaged.
    """
    paths = sorted((folder / RECEIPTS).glob("*.json"))
    return {receipt.task: receipt for receipt in map(_read_receipt, paths)}


def receipt_names(folder: Path) -> list[str]:
    """Files of the receipts of an unfinished stage; none where the stage is committed, even under our eyes."""
    try:
        names = [path.name for path in (folder / RECEIPTS).iterdir()]
    except FileNotFoundError:
        return []
    return [name for name in names if name.endswith(".json") and not name.startswith(".")]


def unreadable_receipts(folder: Path) -> list[Path]:
    """The receipts of a stage that were damaged."""
    found = []
    for path in sorted((folder / RECEIPTS).glob("*.json")):
        try:
            _read_receipt(path)
        except CorruptError:
            found.append(path)
    return found


def damaged_files(folder: Path, receipt: Receipt) -> list[str]:
    """The files of a receipt that are gone or have another content. Reads all of them."""
    short = misfits(folder, receipt)
    return short or [
        name for name, stamp in receipt.files.items() if digest_file(folder / name) != stamp.sha256
    ]


def task_stamp(folder: Path, task: str, name: str) -> FileStamp | None:
    """What an earlier task of the same stage wrote into a file; None where the stage has no such task.

    Raises: CorruptError for a damaged receipt.
    """
    path = _path(folder, task)
    return _read_receipt(path).files.get(name) if path.exists() else None


def task_report(folder: Path, task: str) -> Mapping[str, Any] | None:
    """What an earlier task of the same stage reported; None where the stage has no such task.

    Raises: CorruptError for a damaged receipt.
    """
    path = _path(folder, task)
    return _read_receipt(path).report if path.exists() else None


def misfits(folder: Path, receipt: Receipt) -> list[str]:
    """The files of a receipt that are gone or of another size. Cheap: reads no content."""
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
            raise ValueError(f"it is that of {receipt.task}")
    except UNREADABLE as error:
        raise CorruptError(
            f"{path} is not a receipt ({type(error).__name__}: {error}): delete it, its task runs again"
        ) from None
    return receipt


def _path(folder: Path, task: str) -> Path:
    return folder / RECEIPTS / f"{task}.json"
