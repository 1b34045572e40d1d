"""Labels as people have them, and what plain Python makes of them."""

import decimal
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from hypothesis import strategies as st
from numpy.typing import NDArray

from .arrays import npy_bytes

Sets = list[frozenset[Any]]
"""The classes of each row."""

_STRINGS = st.one_of(
    st.sampled_from(
        [
            "cat",
            "Cat",
            "cat ",
            "\tcat",
            "",
            " ",
            "7",
            "07",
            "7.0",
            "Ä",
            "A\u0308",
            "nan",
            "None",
            "a\x00",
            "\x00",
        ]
    ),
    st.text(max_size=3),
)
_INTEGERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**70)]),
)
_ODD = st.sampled_from(
    [
        None,
        1.0,
        float("nan"),
        float("inf"),
        b"cat",
        b"\xff",
        decimal.Decimal(1),
        1j,
        object(),
        {},
        {"a": 1},
        [[1]],
        [],
        (),
    ]
)
_NUMPY = (
    "?",
    "i1",
    "<i8",
    ">i4",
    ">i8",
    "u1",
    "<u8",
    ">u8",
    "f2",
    "<f8",
    ">f8",
    "c8",
    "M8[D]",
    "U3",
    ">U3",
    "S3",
    "O",
    "T",
)


@dataclass(frozen=True, slots=True)
class Given:
    """Labels as passed, and the classes that they mean; None where they must be refused."""

    values: Any
    sets: Sets | None


@st.composite
def labels(draw: st.DrawFn, rows: int) -> Given:
    """Labels of `rows` rows, mostly of one kind."""
    one = draw(
        st.sampled_from(
            [_STRINGS, st.sampled_from(["a", "b", "c"]), _INTEGERS, st.integers(0, 2), st.booleans()]
        )
    )
    several = st.one_of(
        st.lists(one, max_size=3),
        st.lists(one, min_size=1, max_size=2).map(tuple),
        st.frozensets(one, max_size=3),
    )
    rarely = st.one_of(_ODD, _STRINGS, _INTEGERS)
    every = draw(st.sampled_from([one, one, one, several, several, st.one_of(one, several)]))
    values: Any = draw(st.lists(every, min_size=rows, max_size=rows))
    if rows and draw(st.integers(0, 4)) == 0:
        values[draw(st.integers(0, rows - 1))] = draw(rarely)
    sets = sets_of(values)
    match draw(st.sampled_from(["list", "list", "tuple", "iterator", "series", "array", "array"])):
        case "tuple":
            return Given(tuple(values), sets)
        case "iterator":
            return Given(iter(values), sets)
        case "series":
            return Given(pd.Series(values, dtype=object), sets)
        case "array":
            return draw(arrays(rows))
    return Given(values, sets)


@st.composite
def arrays(draw: st.DrawFn, rows: int) -> Given:
    """NumPy arrays of every kind and byte order."""
    dtype: Any = np.dtypes.StringDType() if (kind := draw(st.sampled_from(_NUMPY))) == "T" else np.dtype(kind)
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        few = [limits.min, limits.max, 0, 1]
        values = np.array([few[place] for place in random.integers(0, 4, rows)], dtype)
    elif dtype.kind in "USTO":
        pool = (
            ["a", "b", "ab", "a ", "Ä"]
            if dtype.kind != "S"
            else [b"a", b"b", "Ä".encode(), draw(st.sampled_from([b"a", b"\xff"]))]
        )
        values = np.array([pool[place] for place in random.integers(0, len(pool), rows)], dtype)
    else:
        values = random.integers(0, 3, rows).astype(dtype)
    if draw(st.integers(0, 9)) == 0:
        return Given(values.reshape(rows, 1), None)
    if dtype.kind not in "?biuUSTO":
        return Given(values, None)
    plain: list[Any] = values.tolist()
    if dtype.kind == "S":
        try:
            plain = [value.decode() for value in plain]
        except UnicodeDecodeError:
            return Given(values, None)
    return Given(values, sets_of(plain))


def sets_of(values: Sequence[Any]) -> Sets | None:
    """The classes: whole numbers or strings, but not both; booleans are numbers. None where they must be refused."""
    sets = [
        frozenset(value) if _several(value) else frozenset([_hashable(value)]) for value in _plain(values)
    ]
    names = {name for names in sets for name in names}
    kinds = {isinstance(name, str) for name in names}
    if not sets or not all(sets) or len(kinds) > 1 or not all(isinstance(name, str | int) for name in names):
        return None
    if kinds == {False} and any(name not in range(-(2**63), 2**63) for name in names):
        return sets if all(name in range(2**64) for name in names) else None
    return sets


def _plain(values: Sequence[Any]) -> list[Any]:
    return [[_hashable(member) for member in value] if _several(value) else value for value in values]


def _several(value: Any) -> bool:
    return isinstance(value, list | tuple | frozenset)


def _hashable(value: Any) -> Any:
    """White space around a name does not count; a blank name is no label."""
    if isinstance(value, str):
        return value.strip() or Odd
    return value if isinstance(value, int) else Odd


class Odd:
    """Stands for what is no label."""


def names_of(given: Given, separator: str | None) -> list[str] | list[list[str]] | None:
    """The labels of an array in a file: numbers in decimal, strings without white space around them, or lists of them
    where a separator joins several. None where they must be refused."""
    if given.sets is None:
        return None
    names = [str(value).lower() if isinstance(value, bool) else str(value).strip() for (value,) in given.sets]
    if separator is None:
        return names
    lists = [[name.strip() for name in joined.split(separator)] for joined in names]
    return lists if all(name for joined in lists for name in joined) else None


@st.composite
def label_files(draw: st.DrawFn, rows: int) -> tuple[Callable[[Path], Path], Given]:
    """Labels of `rows` rows, or of one more, in a file of arrays."""
    short = draw(st.integers(0, 9)) == 0
    given = draw(arrays(rows + short))
    values: NDArray[Any] = given.values
    if values.dtype.kind == "M" and values.ndim == 1:
        given = Given(values, [frozenset([str(day)]) for day in values])  # in files, days are names
    kind = draw(st.sampled_from(["npy", "npz", "zarr"]))
    if values.dtype.char in "Og":
        kind = "npy"  # Zarr has neither
    if values.dtype.kind == "O" or (kind != "zarr" and values.dtype.kind == "T"):
        given = Given(values, None)  # NumPy writes them as pickles

    def write(folder: Path) -> Path:
        path = folder / f"labels.{kind}"
        if kind == "npy":
            path.write_bytes(npy_bytes(values))
        elif kind == "npz":
            np.savez(path, ids=np.arange(2), label=values)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # strings of fixed width are not in format 3
                # Write chunks of zeros, too: a missing chunk counts as lost.
                zarr.create_array(path, data=values, config={"write_empty_chunks": True})
        return path

    return write, Given(values, None if short else given.sets)
