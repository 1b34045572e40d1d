"""Write training sets atomically, table by table, to Parquet, JSON lines, or folders for `datasets`."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import SpecError, UnavailableError
from ...storage.publish import published

SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")

Write = Callable[[pa.Table], None]


def require_new_file(out: Path) -> None:
    """Raises: SpecError if `out` exists, or its suffix is unknown."""
    if out.exists():
        raise SpecError(f"{out} exists already: choose another name, or remove it")
    if out.suffix and not out.name.endswith(SUFFIXES):
        raise SpecError(
            f"{out} ends in none of {', '.join(SUFFIXES)}: choose one of these, or a name without a suffix for a "
            "folder that datasets.load_from_disk opens"
        )


@contextmanager
def training_file(out: Path) -> Iterator[Write]:
    """Yield a function that appends tables with the same columns to `out`.

    The suffix, one of `SUFFIXES`, decides the format; without a suffix, `out` is a folder as written by `save_to_disk`
    of `datasets`.
    Raises: SpecError, as `require_new_file`; UnavailableError for a folder without `datasets`.
    """
    require_new_file(out)
    if not out.suffix:
        with _folder(out) as write:
            yield write
        return
    with published(out) as partial:
        lines = out.suffix != ".parquet"
        with _json_lines(partial, packed=out.suffix == ".gz") if lines else _parquet(partial) as write:
            yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    with ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def write(table: pa.Table) -> None:
            if not writers:
                writers.append(stack.enter_context(pq.ParquetWriter(path, table.schema, compression="zstd")))
            writers[0].write_table(table)

        yield write


@contextmanager
def _json_lines(path: Path, *, packed: bool) -> Iterator[Write]:
    with path.open("wb") as plain, ExitStack() as stack:
        # No name and no time in the header, so that the same rows give the same bytes.
        file: BinaryIO = (
            stack.enter_context(gzip.GzipFile("", "wb", fileobj=plain, mtime=0)) if packed else plain  # pyright: ignore[reportAssignmentType]
        )

        def write(table: pa.Table) -> None:
            for row in table.to_pylist():
                file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

        yield write


@contextmanager
def _folder(out: Path) -> Iterator[Write]:
    try:
        import datasets
        from datasets.table import MemoryMappedTable
    except ImportError as error:
        raise UnavailableError(
            f"a folder for datasets needs that library ({error}): pip install 'tripletmine[huggingface]', or name a "
            f"file that ends in {' or '.join(SUFFIXES)}"
        ) from None
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows, folder = partial / "rows.arrow", partial / out.name
    try:
        with _arrow(rows) as write:
            yield write
        datasets.disable_progress_bars()
        # Memory-mapped, so that the set may be larger than memory. The default fingerprint would be random.
        with rows.open("rb") as file:
            fingerprint = file_digest(file, "sha256").hexdigest()[:16]
        table = MemoryMappedTable.from_file(str(rows))
        datasets.Dataset(table, fingerprint=fingerprint).save_to_disk(str(folder))
        folder.replace(out)
    finally:
        shutil.rmtree(partial)


@contextmanager
def _arrow(path: Path) -> Iterator[Write]:
    with pa.OSFile(str(path), "wb") as file, ExitStack() as stack:
        writers: list[pa.RecordBatchStreamWriter] = []

        def write(table: pa.Table) -> None:
            if not writers:
                writers.append(stack.enter_context(pa.ipc.new_stream(file, table.schema)))
            writers[0].write_table(table)

        yield write
