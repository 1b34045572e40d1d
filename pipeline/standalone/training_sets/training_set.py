"""A training set in memory."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from .files import training_file


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Triplets in a form for trainers.

    Attributes:
        table: One row per training example; convert it with ``datasets.Dataset(table)`` or ``table.to_pylist()``.
        left_out: Number of pairs of anchor and positive left out because they have fewer negatives than the form needs.
    """

    table: pa.Table
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.table)

    def save(self, path: str | Path) -> None:
        """Write a new .parquet, .jsonl or .jsonl.gz file; without a suffix, a folder for ``datasets.load_from_disk``.

        Raises: SpecError if `path` exists, or has another suffix; UnavailableError for a folder without ``datasets``.
        """
        with training_file(Path(path)) as write:
            write(self.table)
