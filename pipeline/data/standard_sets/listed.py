"""What the readers of official folders have in common: rows, and files that are as they should be."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError

COLUMNS = ("path", "label", "split", "role", "group")


class Listed(NamedTuple):
    """A picture, with the cells of its row in a table. path: of the file. Empty cells say nothing."""

    path: Path
    label: str
    split: str
    role: str = ""
    group: str = ""


def found_in(root: Path, name: str, *folders: str) -> Path:
    """The file or folder `name` in `root`, or in one of its `folders`. Raises: DataError where it is in none."""
    for folder in ("", *folders):
        if (root / folder / name).exists():
            return root / folder / name
    places = " or ".join(str(root / folder) for folder in ("", *folders))
    raise DataError(
        f"{name} is not in {places}: give the folder into which the data set was unpacked, as --data"
    )


def lines_of(path: Path, cells: int, *, skip: int = 0) -> Iterator[list[str]]:
    """The cells of each line, separated by blanks; without the first `skip` lines. The last cell may have blanks.

    Raises: DataError naming the line for one with fewer, and for a file that is no text.
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
    """Raises: DataError for what is no whole number."""
    try:
        return int(cell)
    except ValueError:
        raise DataError(f"{path} has {cell!r} where a number should be: unpack the data set again") from None


def require_pictures(rows: Sequence[Listed], listed_by: Path) -> None:
    """Raises: DataError where there are none, or some are not there."""
    if not rows:
        raise DataError(f"{listed_by} lists no pictures: unpack the data set again")
    gone = [row.path for row in rows if not row.path.is_file()]
    if gone:
        raise DataError(
            f"{len(gone):,} of the {len(rows):,} pictures of {listed_by} are not there, the first is {gone[0]}: "
            "unpack the pictures into this folder, too"
        )
