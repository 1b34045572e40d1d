"""Common parts of the readers of official folders: rows, and checks of files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError

COLUMNS = ("path", "label", "split", "role", "group")


class Listed(NamedTuple):
    """A picture, as a row of the table. path: of the file. Empty cells: no value."""

    path: Path
    label: str
    split: str
    role: str = ""
    group: str = ""


def found_in(root: Path, name: str, *folders: str) -> Path:
    """The file or folder `name` in `root`, or in one of its `folders`. Raises: DataError if it is missing."""
    for folder in ("", *folders):
        if (root / folder / name).exists():
            return root / folder / name
    places = " or ".join(str(root / folder) for folder in ("", *folders))
    raise DataError(
        f"{name} is not in {places}: give the folder into which the data set was unpacked, as --data"
    )


def lines_of(path: Path, cells: int, *, skip: int = 0) -> Iterator[list[str]]:
    """The cells of each line after the first `skip`, separated by white space, which the last cell may contain.

    Raises: DataError, naming the line, for fewer cells; also for a file that is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): unpack the data set again") from None
    for number, line in enumerate(lines[skip:], start=skip + 1):
        found = line.split(maxsplit=cells - 1)
        if len(found) == cells:
            yield [cell.strip() for cell in found]
        elif found:
            raise DataError(
                f"{path}, line {number}, has {len(found)} words instead of {cells}: unpack the data set again"
            )


def number_in(cell: str, path: Path) -> int:
    """The cell as an int. Raises: DataError if it is not a whole number."""
    try:
        return int(cell)
    except ValueError:
        raise DataError(f"{path} has {cell!r} where a number should be: unpack the data set again") from None


def require_pictures(rows: Sequence[Listed], listed_by: Path) -> None:
    """Raise DataError if there are no pictures, or if files are missing."""
    if not rows:
        raise DataError(f"{listed_by} lists no pictures: unpack the data set again")
    gone = [row.path for row in rows if not row.path.is_file()]
    if gone:
        raise DataError(
            f"{len(gone):,} of the {len(rows):,} pictures of {listed_by} are missing, the first is {gone[0]}: "
            "unpack the pictures into this folder, too"
        )
