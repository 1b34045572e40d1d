"""Opening what a page is about: a run, whose epochs may have lost files, or a folder of triplets."""

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
    """path: a run directory, or a folder of triplets. epoch: of the run, where one was asked for."""

    path: Path
    epoch: int | None

    @cached_property
    def status(self) -> "RunStatus | None":
        """Of the run; None for a folder."""
        if not (self.path / RUN_FILE).exists():
            return None
        from ..run.status import read_status  # the stages need torch, a folder of triplets does not

        return read_status(self.path)

    @property
    def name(self) -> str:
        """Of the run as in its run file, or of the folder."""
        return self.status.spec.run.name if self.status else self.path.resolve().name

    def triplets(self, *needs: str) -> TripletSource:
        """What was mined, in an epoch that still has the files of these stages. Raises: PipelineError."""
        key = needs if self.status else ()  # a folder has all there is
        if key not in self._open:
            self._open[key] = open_triplets(self.path, self.epoch, needs=needs)
        return self._open[key]

    @cached_property
    def _open(self) -> dict[tuple[str, ...], TripletSource]:
        return {}


def open_source(path: Path, epoch: int | None = None) -> Source:
    """path: as in `open_triplets`; a run may have mined nothing yet. Raises: PipelineError where it is neither."""
    source = Source(run_root(path), epoch)
    if source.status is None or epoch is not None:
        source.triplets("mine")
    return source


def require_one_set(source: Source, wanted: str) -> None:
    """Raises: SpecError where the triplets are of queries and a corpus, of which there is nothing that is `wanted`."""
    if source.status is None and source.triplets("mine").corpus is not None:
        raise SpecError(
            f"{source.path} holds triplets of queries and a corpus, of which there is no {wanted}: look at the page "
            "that `tripletmine report` writes, list suspects with `tripletmine suspects`, or write the triplets with "
            "`tripletmine triplets`"
        )


def label_of(labels: Labels, row: int) -> str:
    """The class of a row; of several, all."""
    if labels.offsets is None:
        return str(labels.names[labels.members[row]])
    codes = labels.members[labels.offsets[row] : labels.offsets[row + 1]]
    return " | ".join(str(labels.names[code]) for code in codes)
