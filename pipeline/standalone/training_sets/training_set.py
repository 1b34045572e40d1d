"""A training set in memory."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from .files import training_file


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Triplets in the form that a trainer takes.

    Attributes:
        table: One row for what a trainer takes at once; ``datasets.Dataset(table)`` and ``table.to_pylist()`` are the
            same for others.
        left_out: Pairs of anchor and positive that have fewer negatives than the form asks for.
    """

    table: pa.Table
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.table)

    def save(self, path: str | Path) -> None:
        """Write a file that is not there yet: .parquet, .jsonl or .jsonl.gz; without a suffix a folder, as
        ``datasets.load_from_disk`` reads it.

        Raises: SpecError where it is there, or has another suffix; UnavailableError for a folder without ``datasets``.
        """
        with training_file(Path(path)) as write:
            write(self.table)
