"""The work of mining files, shared by one set of rows and by queries and a corpus."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ....mining.graphs.build import GraphReport
from ...artifacts.neighbours import create_neighbours
from ...plan.work import Task, split_rows
from ..mining_settings import MiningSettings
from ..never_negatives import keep_never_negatives
from .chunks import PairChunks, RowChunks
from .on_workers import chunk_mib

AnyChunks = TypeVar("AnyChunks", RowChunks, PairChunks)


@dataclass(frozen=True, slots=True)
class MiningWork(Generic[AnyChunks]):
    """The data to mine, and the folder for the results. scratch: folder for temporary files. neighbours: K."""

    folder: Path
    scratch: Path
    settings: MiningSettings
    chunks: AnyChunks
    neighbours: int
    note: Callable[[str], None]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """A task for each file of triplets."""
        return split_rows("mine", len(self.chunks), self.settings.chunk_rows)

    @property
    def chunk_mib(self) -> int:
        """Memory in MiB that a task needs at least, see `on_workers.chunk_mib`."""
        triplets = self.settings.rule.triplets_per_anchor
        return chunk_mib(len(self.chunks), self.settings.chunk_rows, self.neighbours, triplets)

    def found(self, graph: GraphReport) -> None:
        """Report how neighbours were found, and prepare the folder for the triplets."""
        self.note(f"graph: {graph.method}, recall {graph.recall:.4f}: {graph.why}")
        step = self.settings.chunk_rows
        create_neighbours(self.folder, rows=len(self.chunks), neighbours=self.neighbours, chunk_rows=step)
        if self.chunks.never_negatives is not None:
            keep_never_negatives(self.folder, self.chunks.never_negatives)

    def remarks_on(self, graph: GraphReport, rows: str) -> list[str]:
        """Remarks for the user about the search. rows: the word for anchors, "rows" or "queries"."""
        if graph.recall >= self.settings.recall_target:
            return []
        return [
            f"the recall, {graph.recall:.4f} on {graph.recall_rows:,} {rows}, is below --recall-target = "
            f"{self.settings.recall_target:g}: raise that a little, or search with --method exact"
        ]
