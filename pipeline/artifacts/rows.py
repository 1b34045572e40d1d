"""rows.parquet: the rows of a run."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..data.rows import RunRows
from ..errors import CorruptError
from ..storage.digest import digest_json
from ..storage.publish import discard
from ..storage.regular import require_regular
from .record import RUN_FILE, read_run_file

ROWS_FILE = "rows.parquet"


ROWS_REMEDY = "delete that one file, the next run writes it again from the same data"


def remove_damaged_rows(root: Path, digest: str) -> None:
    """Delete rows.parquet if it does not match run.json, which must belong to this run."""
    path = root / ROWS_FILE
    try:
        if path.exists():
            read_rows_file(root, digest)
    except CorruptError:
        discard(path)


def read_rows_file(root: Path, digest: str) -> RunRows:
    """The rows of a run. digest: `RunFacts.data_digest`. Raises: CorruptError."""
    path = root / ROWS_FILE
    identity = read_run_file(root)["identity"]
    rows = read_rows_table(path)
    if data_digest(rows, identity) != digest:
        raise CorruptError(f"{path} is not what {RUN_FILE} says: {ROWS_REMEDY}")
    return rows


def read_rows_table(path: Path) -> RunRows:
    """The rows in a file. Raises: CorruptError."""
    try:
        require_regular(path)
        return RunRows(pq.read_table(path, page_checksum_verification=True))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path} cannot be read ({error}): {ROWS_REMEDY}") from None


def data_digest(rows: RunRows, identity: dict[str, Any]) -> str:
    """Digest of the rows and of the identity of their files."""
    return digest_json([rows.digest(), identity])
