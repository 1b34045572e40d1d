"""The layout of a table: its separator and its own names of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import DataError

COLUMNS = ("path", "vector", "key", "label", "split", "role", "group")
"""Columns, and arrays of an .npz file or a Zarr group, that may have other names in a file."""


@dataclass(frozen=True, slots=True)
class TableForm:
    """The layout of a table.

    separator: character between the cells of a text file; None for a tab in .tsv, a comma in .csv.
    columns: pairs of our name, one of `known`, and the name in the file.
    Raises: DataError for an invalid separator or column.
    """

    separator: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    known: tuple[str, ...] = COLUMNS

    def __post_init__(self) -> None:
        if self.separator is not None and (
            len(self.separator) != 1 or not self.separator.isascii() or self.separator in '"\r\n\0'
        ):
            raise DataError(
                f"separator is {self.separator!r} but must be one ASCII character other than a quote or a line "
                'break, such as ";" or "\\t": correct it'
            )
        unknown = [ours for ours, _ in self.columns if ours not in self.known]
        if unknown:
            raise DataError(
                f"columns has {', '.join(unknown)} but may only have {', '.join(self.known)}: remove it, others are "
                "not read"
            )
        theirs = [there for _, there in self.columns]
        twice = next((name for name in theirs if theirs.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"columns has {twice!r} twice: name a different column of the file for each key")

    @property
    def names(self) -> Mapping[str, str]:
        """Our name → the name in the file, for columns that were renamed."""
        return dict(self.columns)

    def called(self, ours: str) -> str | None:
        """The name in the file of our column `ours`; None if it was not renamed."""
        return self.names.get(ours)

    def require(self, names: Sequence[str], there: Sequence[str], location: str) -> None:
        """Check that renamed columns among `names` exist in the file. Raises: DataError."""
        for ours, theirs in self.columns:
            if ours in names and theirs not in there:
                raise DataError(
                    f"{location} has no column {theirs!r}, which columns gives for {ours!r} (it has "
                    f"{', '.join(there)}): correct the name"
                )


AS_USUAL = TableForm()
