"""How a table is laid out where it is not as usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import DataError

COLUMNS = ("path", "vector", "key", "label", "split", "role", "group")
"""Columns, and arrays of an .npz file or a Zarr group, that may be called otherwise."""


@dataclass(frozen=True, slots=True)
class TableForm:
    """separator: between the cells of a text file, one character; None for a tab in .tsv, a comma in .csv.

    columns: (one of `known`, what it is called in the file).
    Raises: DataError for a separator or columns that cannot be meant.
    """

    separator: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    known: tuple[str, ...] = COLUMNS

    def __post_init__(self) -> None:
        if self.separator is not None and (
            len(self.separator) != 1 or not self.separator.isascii() or self.separator in '"\r\n\0'
        ):
            raise DataError(
                f"separator is {self.separator!r} but must be one character of ASCII that is no quote and no line "
                'break, as ";" or "\\t": correct it'
            )
        unknown = [ours for ours, _ in self.columns if ours not in self.known]
        if unknown:
            raise DataError(
                f"columns has {', '.join(unknown)} but names only {', '.join(self.known)}: remove it, others are not "
                "read"
            )
        theirs = [there for _, there in self.columns]
        twice = next((name for name in theirs if theirs.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"columns has {twice!r} twice: give each of its columns a column of its own")

    @property
    def names(self) -> Mapping[str, str]:
        """Our name → the name in the file, of those that differ."""
        return dict(self.columns)

    def called(self, ours: str) -> str | None:
        """What a column of ours is called in the file, where it is called otherwise."""
        return self.names.get(ours)

    def require(self, names: Sequence[str], there: Sequence[str], location: str) -> None:
        """Raises: DataError where a column that is named, and wanted, is not there."""
        for ours, theirs in self.columns:
            if ours in names and theirs not in there:
                raise DataError(
                    f"{location} has no column {theirs!r}, which columns names for {ours!r} (it has "
                    f"{', '.join(there)}): correct the name"
                )


AS_USUAL = TableForm()
