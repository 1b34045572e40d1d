"""Open the subject of a page: a run, whose epochs may have lost files, or a folder of triplets."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...mining.labels import Labels
from ..artifacts.record import RUN_FILE
from ..errors import SpecError
from ..runfile.load import run_root
from ..standalone.triplet_folder import TripletSource, open_triplets

if TYPE_CHECKING:
    from ..run.status import RunStatus


@dataclass(frozen=True)
class Source:
    """path: a run directory, or a folder of triplets. epoch: the epoch asked for, or None."""

    path: Path
    epoch: int | None

    @cached_property
    def status(self) -> "RunStatus | None":
        """The status of the run; None for a folder."""
        if not (self.path / RUN_FILE).exists():
            return None
        from ..run.status import read_status  # imported here: a folder of triplets must not need torch

        return read_status(self.path)

    @property
    def name(self) -> str:
        """The name of the run in its run file, or of the folder."""
        return self.status.spec.run.name if self.status else self.path.resolve().name

    def triplets(self, *needs: str) -> TripletSource:
        """The triplets of an epoch that still has the files of these stages. Raises: PipelineError."""
        key = needs if self.status else ()  # a folder always has all files
        if key not in self._open:
            self._open[key] = open_triplets(self.path, self.epoch, needs=needs)
        return self._open[key]

    @cached_property
    def _open(self) -> dict[tuple[str, ...], TripletSource]:
        return {}


def open_source(path: Path, epoch: int | None = None) -> Source:
    """Open a run or a folder of triplets. path: as in `open_triplets`, but a run may have mined nothing yet.

    Raises: PipelineError if it is neither.
    """
    source = Source(run_root(path), epoch)
    if source.status is None or epoch is not None:
        source.triplets("mine")
    return source


def require_one_set(source: Source, wanted: str) -> None:
    """Raises: SpecError if the triplets are of queries and a corpus, for which there is no `wanted`."""
    if source.status is None and source.triplets("mine").corpus is not None:
        raise SpecError(
            f"{source.path} holds triplets of queries and a corpus, for which there is no {wanted}: look at the page "
            "that `tripletmine report` writes, list suspects with `tripletmine suspects`, or write the triplets with "
            "`tripletmine triplets`"
        )


def label_of(labels: Labels, row: int) -> str:
    """The class of a row; several classes are joined by " | "."""
    if labels.offsets is None:
        return str(labels.names[labels.members[row]])
    codes = labels.members[labels.offsets[row] : labels.offsets[row + 1]]
    return " | ".join(str(labels.names[code]) for code in codes)
