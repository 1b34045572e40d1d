"""Validation scores of a run's epochs, and the default choice of an epoch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from ..errors import SpecError, UnavailableError
from ..plan.refs import StageRef, manifest_of
from ..plan.stage_folder import StageFolder
from ..runfile.run_spec import RunSpec
from .record import open_record

_KEPT_BY = {"embed": "run.keep.embeddings", "graph": "run.keep.graph", "mine": "run.keep.triplets"}
"""Stages whose files are pruned, in the order of an epoch, and the key that decides when."""


def validation_scores(root: Path, spec: RunSpec) -> Iterator[tuple[int, float]]:
    """(epoch, value of evaluate.select) of all evaluated epochs, even if run.epochs is lower now."""
    for number in epochs_there(root):
        manifest = manifest_of(root, StageRef(number, "evaluate"))
        if manifest is not None:
            yield number, float(manifest.report["validation"][spec.evaluate.select])


def epochs_there(root: Path) -> list[int]:
    """Numbers of the epochs that were begun, ascending."""
    return sorted(int(each.name) for each in (root / "epochs").glob("*") if each.name.isdecimal())


def best_epoch(root: Path, spec: RunSpec) -> int:
    """The epoch with the best validation metric; the first one of a tie.

    Raises: UnavailableError if no epoch has been evaluated.
    """
    best = best_of(validation_scores(root, spec))
    if best is None:
        raise UnavailableError(f"no epoch of {root} has been evaluated yet: let the run finish one first")
    return best


def best_of(scores: Iterable[tuple[int, float]]) -> int | None:
    """The epoch with the highest score of these (epoch, score), the first one of a tie; None if there are none."""
    return max(scores, key=lambda score: (score[1], -score[0]), default=(None, 0.0))[0]


@dataclass(frozen=True, slots=True)
class MinedEpoch:
    """An epoch that has triplets. why: the reason for its choice, in words."""

    number: int
    why: str


def mined_epoch(root: Path, epoch: int | None = None, *, needs: Sequence[str] = ("mine",)) -> MinedEpoch:
    """The given epoch, or the best on validation of the mined epochs that still have the files of the stages `needs`.

    If none of these has been evaluated, the last one.
    Raises: SpecError if the epoch, or every epoch, has no triplets; UnavailableError if all were pruned.
    """
    mined = [number for number in epochs_there(root) if StageFolder(root, StageRef(number, "mine")).committed]
    if mined and open_record(root)[0].loss.of_pairs:
        raise SpecError(
            f"{root} ranks items, and mines pairs instead of triplets: look at the tables in epochs/*/mine/pairs, or "
            "name another run"
        )
    if epoch is not None:
        if epoch not in mined:
            there = ", ".join(map(str, mined)) or "none"
            raise SpecError(
                f"epoch {epoch} of {root} has no triplets (warm-up epochs do not mine, nor do those that mine.every "
                f"leaves out; epochs with triplets: {there}): choose one of these"
            )
        return MinedEpoch(epoch, "as asked")
    if not mined:
        raise SpecError(
            f"no epoch of {root} has triplets: let the run go on (warm-up epochs do not mine, nor do those that "
            "mine.every leaves out; see `tripletmine status`)"
        )
    kept = [number for number in mined if all(_there(root, StageRef(number, stage)) for stage in needs)]
    if not kept:
        lost = [
            stage for stage in _KEPT_BY if stage in needs and not _there(root, StageRef(mined[-1], stage))
        ]
        raise UnavailableError(
            f"no epoch of {root} has all files of {' and '.join(needs)} ({len(mined)} mined triplets, and were "
            f"pruned by run.keep): raise {' and '.join(_KEPT_BY[stage] for stage in lost)}, then redo one, as with "
            f"{StageRef(mined[-1], lost[0]).redo}"
        )
    scores = dict(validation_scores(root, open_record(root)[0]))
    best = best_of((number, scores[number]) for number in kept if number in scores)
    if best is None:
        return MinedEpoch(kept[-1], "the last, as none was evaluated")
    better = best_of((number, scores[number]) for number in mined if scores.get(number, -inf) > scores[best])
    if better is not None:
        return MinedEpoch(
            best,
            f"the best on validation of those that still have the files of {' and '.join(needs)} (epoch {better} is "
            "better, but its files were deleted because of run.keep)",
        )
    return MinedEpoch(
        best, "the best on validation" + (" of those that mined" if _warmed(scores, mined, best) else "")
    )


def _there(root: Path, ref: StageRef) -> bool:
    folder = StageFolder(root, ref)
    return folder.committed and not folder.pruned


def _warmed(scores: dict[int, float], mined: Sequence[int], best: int) -> bool:
    """Whether an epoch that did not mine scored better."""
    return any(score > scores[best] for number, score in scores.items() if number not in mined)
