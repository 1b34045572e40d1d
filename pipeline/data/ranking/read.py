"""Read the files of data.pairs and data.values: Parquet, CSV or TSV."""

import math
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DataError
from ...redact import redacted
from ..columns import as_numbers, as_strings, read_columns

BETTER, ALIKE, VALUE = "better", "like", "value"
SCHEMA = pa.schema(
    [("first", pa.string()), ("second", pa.string()), ("relation", pa.string()), ("value", pa.float64())]
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The known ranking of items, with each pair once.

    table: of `SCHEMA`. relation is "better" (first is better than second), "like" (neither is) or "value" (the row has
    the value of first). repeated: number of repeated lines in the file of pairs.
    """

    table: pa.Table
    repeated: int = 0


def read_ranking(pairs: str, values: str | None) -> Ranking:
    """Read the file of pairs (columns first, second and optionally relation) and the file of values (item and value).

    Raises: DataError naming file, row and value, for an item paired with itself, an empty cell, an unknown relation, a
    value that is not finite, or two values of one item.
    """
    found = _pairs(pairs)
    once = dict.fromkeys(found)
    lines = [(*pair, None) for pair in sorted(once)]
    if values is not None:
        lines += [(item, None, VALUE, value) for item, value in sorted(_values(values).items())]
    columns = list(zip(*lines, strict=True)) if lines else [(), (), (), ()]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return Ranking(pa.table(arrays, schema=SCHEMA), len(found) - len(once))


def _pairs(location: str) -> list[tuple[str, str, str]]:
    table = read_columns(location, ("first", "second", "relation"))
    first, second = (_names(table, name, location) for name in ("first", "second"))
    relations = (
        _names(table, "relation", location) if "relation" in table.column_names else [BETTER] * len(first)
    )
    if not first:
        raise DataError(f"{location} has no pairs: add some")
    found = []
    for row, (one, other, relation) in enumerate(zip(first, second, relations, strict=True)):
        if relation not in (BETTER, ALIKE):
            raise DataError(
                f'{location} has the relation "{redacted(relation)}" in row {row} (from 0) but known are {BETTER} (the '
                f"first is better) and {ALIKE}: use one of them"
            )
        if one == other:
            raise DataError(
                f'{location} pairs "{redacted(one)}" with itself in row {row} (from 0): leave that row out'
            )
        # The order of a like pair means nothing.
        found.append((min(one, other), max(one, other), ALIKE) if relation == ALIKE else (one, other, BETTER))
    return found


def _values(location: str) -> dict[str, float]:
    table = read_columns(location, ("item", "value"))
    items = _names(table, "item", location)
    if "value" not in table.column_names:
        raise DataError(f'{location} has no column "value": add it, with a number for each item')
    numbers = as_numbers(
        table["value"].combine_chunks(),
        pa.float64(),
        subject=f'{location}, column "value"',
        wanted="number",
        remedy="write a number for each item, or leave its row out",
    )
    found: dict[str, float] = {}
    for row, (item, value) in enumerate(zip(items, numbers.to_pylist(), strict=True)):
        if value is None or not math.isfinite(value):
            raise DataError(
                f'{location} has the value {value} for "{redacted(item)}" in row {row} (from 0) but values are finite '
                "numbers: correct it, or leave that row out"
            )
        if found.setdefault(item, value) != value:
            raise DataError(
                f'{location} has two values for "{redacted(item)}", {found[item]:g} and {value:g} in row {row} (from '
                "0): leave one of them"
            )
    return found


def _names(table: pa.Table, name: str, location: str) -> list[str]:
    """Cells of a column, stripped of white space like labels."""
    if name not in table.column_names:
        raise DataError(
            f'{location} has no column "{name}" (found: {", ".join(table.column_names) or "none that is read"}): add it'
        )
    column = as_strings(table[name].combine_chunks(), subject=f'{location}, column "{name}"')
    cells = pc.utf8_trim_whitespace(column.fill_null("")).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
    if "" in cells:
        raise DataError(
            f'{location} has an empty cell in column "{name}", row {cells.index("")} (from 0): fill it, or leave that '
            "row out"
        )
    return cells
