"""Read text tables: CSV and TSV, optionally gzip-compressed. Cells stay strings."""

import codecs
import gzip
import io
import zlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv

from ...errors import DataError
from ..files import read_bytes
from ..safety.memory import require_memory
from .form import TableForm

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

_AT_ONCE = 1 << 24


def is_text(location: str) -> bool:
    """Whether the file is a text table, judging by its name."""
    return _name(location).endswith(SUFFIXES)


def text_columns(location: str, form: TableForm) -> list[str]:
    """The column names in the first line. Raises: DataError for an encoding other than UTF-8, and errors of pyarrow."""
    with pyarrow.csv.open_csv(io.BytesIO(_utf8(location)), parse_options=_parsing(location, form)) as reader:
        return reader.schema.names


def read_text(location: str, names: Sequence[str], form: TableForm) -> pa.Table:
    """Some columns, as strings; empty cells are null. Raises: as `text_columns`."""
    # Declare every column a string, since Arrow would read the labels 007 and 7 as the same number.
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=names,
        strings_can_be_null=True,
        null_values=[""],
    )
    return pyarrow.csv.read_csv(
        io.BytesIO(_utf8(location)), parse_options=_parsing(location, form), convert_options=options
    )


def separator_of(location: str, form: TableForm) -> str:
    """The separator with which the file's cells are read."""
    return form.separator or _SEPARATORS[_name(location).removesuffix(".gz")[-4:]]


def likely_separator(there: Sequence[str]) -> str | None:
    """The probable separator of a file that was read as a single column; None if there is none."""
    if len(there) != 1:
        return None
    return next((character for character in ";\t|," if character in there[0]), None)


def _parsing(location: str, form: TableForm) -> pyarrow.csv.ParseOptions:
    # Otherwise a quoted line break at the border of two blocks would end the row.
    return pyarrow.csv.ParseOptions(delimiter=separator_of(location, form), newlines_in_values=True)


def _name(location: str) -> str:
    return location.partition("::")[0].rpartition("/")[2].lower()


def _utf8(location: str) -> bytes:
    """The bytes of a UTF-8 file. Raises: DataError for other encodings, which cannot be detected reliably."""
    content = read_bytes(location)
    if _name(location).endswith(".gz"):
        content = _unpacked(content, location)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        what = (
            "UTF-16"
            if wide
            else f"not UTF-8 (byte {error.start:,} is {content[error.start]:#x}; Latin-1, perhaps)"
        )
    else:
        if b"\0" not in content:
            return content
        what = "UTF-16 or UTF-32, by its zero bytes"
    raise DataError(f"{location} is {what}: save it as UTF-8")


def _unpacked(content: bytes, location: str) -> bytes:
    """Unpack gzip. The size is checked as it grows, since a small file may unpack to more than the memory."""
    unpacked = io.BytesIO()
    try:
        with gzip.open(io.BytesIO(content)) as file:
            while some := file.read(_AT_ONCE):
                unpacked.write(some)
                # Twice, as the table is another copy.
                require_memory(2 * unpacked.tell(), location, f"{unpacked.tell():,} bytes unpacked so far")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{location} is not a whole gzip file ({error}): restore it, or write it again"
        ) from error
    return unpacked.getvalue()
