"""Read a Parquet file, or a folder of Parquet files that form one table, as many programs write them."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DataError
from ..storage.regular import require_regular
from .files import is_url, read_bytes
from .safety.shapes import require_columns

SUFFIXES = (".parquet", ".pq")


def is_parquet_folder(location: str) -> bool:
    """Whether this is a local folder with Parquet files, and not a Zarr folder."""
    if is_url(location) or not Path(location).is_dir():
        return False
    zarr = any(Path(location, name).exists() for name in ("zarr.json", ".zgroup", ".zarray"))
    return not zarr and bool(_files(Path(location)))


def parquet_schema(location: str) -> pa.Schema:
    """The schema of the table. Raises: DataError, and errors of pyarrow."""
    return pq.read_schema(_sources(location)[0])


def read_parquet(location: str, columns: list[str]) -> pa.Table:
    """Read some columns. The files of a folder are concatenated in the order of their names.

    Raises: DataError if the files of a folder have different columns, and errors of pyarrow.
    """
    sources = _sources(location)
    schema = pq.read_schema(sources[0])
    require_columns(sources, columns, location)
    tables = []
    for source in sources:
        there = pq.read_schema(source)
        for name in columns:
            if not there.get_all_field_indices(name):
                raise DataError(
                    f"{source} has no column {name!r}, which {sources[0]} has: write all files alike"
                )
            kinds = there.field(name).type, schema.field(name).type
            if kinds[0] != kinds[1]:
                raise DataError(
                    f"{source} has {name!r} as {kinds[0]}, and {sources[0]} as {kinds[1]}: write all files alike"
                )
        # Open the file: given a path, pyarrow would also turn folders called name=value into columns.
        with pq.ParquetFile(source) as file:
            tables.append(file.read(columns=columns))
    return pa.concat_tables(tables)


def _sources(location: str) -> list[str | io.BytesIO]:
    if is_url(location):
        return [io.BytesIO(read_bytes(location))]
    path = Path(location)
    if not path.is_dir():
        require_regular(path)
        return [location]
    files = _files(path)
    if not files:
        raise DataError(
            f"{location} is a folder without a Parquet file ({', '.join(SUFFIXES)}): name another"
        )
    partitioned = next((file for file in files if any("=" in part for part in file.parts[:-1])), None)
    if partitioned is not None:
        raise DataError(
            f"{location} has values in the names of folders, such as {partitioned.parent}: write them into the files"
        )
    for file in files:
        require_regular(path / file)
    return [str(path / file) for file in files]


def _files(folder: Path) -> list[Path]:
    """Parquet files, relative to the folder; without hidden ones and those that begin with "_", which hold no rows."""
    found = (each.relative_to(folder) for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES)
    return sorted(file for file in found if not any(part.startswith((".", "_")) for part in file.parts))
