"""data-files.parquet: marks of the data set's files when the run began, or last found them unchanged.

The list only serves messages about what changed. Whether the data changed is decided by the identity in run.json, whose
digest the list includes. A list that is damaged, or belongs to another identity, is ignored.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..data.marks import SCHEMA
from ..storage.digest import digest_json
from ..storage.publish import published
from ..storage.regular import require_regular

DATA_FILES = "data-files.parquet"

_OF = b"identity"


def read_data_files(root: Path, identity: dict[str, Any]) -> pa.Table | None:
    """The marks of the data set's files; None if there is no list for this identity."""
    try:
        require_regular(root / DATA_FILES)
        marks = pq.read_table(root / DATA_FILES, page_checksum_verification=True)
    except (OSError, ValueError):
        return None
    of = (marks.schema.metadata or {}).get(_OF, b"").decode()
    same = of == digest_json(identity) and marks.schema.remove_metadata() == SCHEMA
    return marks.replace_schema_metadata(None) if same else None


def write_data_files(root: Path, marks: pa.Table, identity: dict[str, Any]) -> None:
    """Replace the list; delete it if the data set has no files."""
    if not len(marks):
        (root / DATA_FILES).unlink(missing_ok=True)
        return
    with published(root / DATA_FILES) as partial:
        labelled = marks.replace_schema_metadata({_OF: digest_json(identity).encode()})
        pq.write_table(labelled, partial, compression="zstd", write_page_checksum=True)
