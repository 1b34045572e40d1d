"""Reading mined triplets back from where `tripletmine mine` or a run left them."""

from pathlib import Path

import numpy as np

from ...mining.miner import COLUMNS
from ...mining.report import MiningReport
from ..artifacts.record import RUN_FILE
from ..artifacts.triplets import coded_columns
from ..errors import SpecError
from ..plan.refs import StageRef
from ..plan.stage_folder import StageFolder
from ..runfile.load import run_root
from .triplet_folder import open_triplets
from .triplet_set import TripletSet, in_order


def read_triplets(folder: str | Path, epoch: int | None = None) -> TripletSet:
    """The triplets of a folder that `tripletmine mine` wrote, or of an epoch of a run, with the keys of their rows.

    folder: the former, a run directory, its run file, or the mine folder of an epoch. epoch: of a run; by default
    the last that still has its triplets. All of them are read into memory: 48 bytes each.

    Raises: SpecError for a folder that is none of these, or an epoch without triplets; CorruptError for damaged files.
    """
    path = run_root(Path(folder))
    if (path / RUN_FILE).exists():
        path = _mine_folder(path, epoch)
    elif epoch is not None:
        raise SpecError(f"epoch is {epoch} but {path} is not a run directory: leave epoch out")
    source = open_triplets(path)
    parts = [coded_columns(file, source.labels) for file in source.files]
    return TripletSet(
        columns=in_order(parts) if parts else {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()},
        labels=source.labels,
        rule=source.rule,
        report=MiningReport.from_counts(source.counts),
        keys=source.keys,
    )


def _mine_folder(root: Path, epoch: int | None) -> Path:
    """Where an epoch of the run has its triplets. A damaged or pruned one is for the reader to tell."""
    found = [
        number
        for number in sorted(int(each.name) for each in (root / "epochs").glob("[0-9]*"))
        if StageFolder(root, StageRef(number, "mine")).committed
    ]
    if epoch is None:
        kept = [number for number in found if not StageFolder(root, StageRef(number, "mine")).pruned]
        if not kept:
            raise SpecError(
                f"no epoch of {root} has triplets ({len(found)} had, and were pruned by run.keep): let the run go on, "
                "or mine an epoch again with --from-stage mine"
            )
        epoch = kept[-1]
    elif epoch not in found:
        there = ", ".join(map(str, found)) or "none"
        raise SpecError(
            f"epoch {epoch} of {root} has no triplets (warm-up epochs mine none; those that have some: {there}): "
            "choose one of these"
        )
    return StageRef(epoch, "mine").folder(root)
