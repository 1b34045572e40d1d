"""Redo a run from a stage on. The old results are kept aside until the new ones are committed."""

from collections.abc import Sequence

from ..errors import SpecError, UnavailableError
from ..plan.refs import StageRef
from ..plan.stage_folder import StageFolder
from .directory import Run
from .epochs import TEST, all_refs, final_stage, plan_epochs


def require_parents(run: Run, refs: Sequence[StageRef]) -> None:
    """Check that everything these stages read still exists, before they are set aside.

    refs: the stages to redo, in the order of the run.
    Raises: UnavailableError, naming an earlier stage from which the redo is possible.
    """
    missing = _first_missing(run, refs)
    if missing is None:
        return
    ref, parent = missing
    every, begin = all_refs(run.spec), parent
    while (further := _first_missing(run, every[every.index(begin) :])) is not None:
        begin = further[1]
    raise UnavailableError(
        f"{ref} reads {parent}, whose files were pruned (run.keep): begin with {begin.redo} instead"
    )


def _first_missing(run: Run, refs: Sequence[StageRef]) -> tuple[StageRef, StageRef] | None:
    """The first of these stages that reads a pruned stage, and that pruned stage; None if there is none."""
    for ref in refs:
        for parent in _parents_read(run, ref, alone=len(refs) == 1):
            if parent not in refs and StageFolder(run.root, parent).pruned:
                return ref, parent
    return None


def _parents_read(run: Run, ref: StageRef, *, alone: bool) -> tuple[StageRef, ...]:
    """The stages whose files a stage reads."""
    if ref == TEST:
        # After other stages it reads the checkpoint that is best by then, which run.keep never deletes.
        return final_stage(run.root, run.spec).parents(run.spec, run.facts, ref) if alone else ()
    stages = {stage.name: stage for stage in plan_epochs(run.spec)[ref.epoch or 0].stages}
    parents = stages[ref.stage].parents(run.spec, run.facts, ref)
    # Of earlier mine stages, mine reads only the report, which is never pruned.
    return tuple(parent for parent in parents if not parent.stage == ref.stage == "mine")


def from_stage(refs: list[StageRef], stage: str, epoch: int | None) -> list[StageRef]:
    """The stages from this one on, in the order of the run.

    Raises: SpecError if the run has no such stage.
    """
    target = StageRef(epoch, stage)
    if target not in refs:
        raise SpecError(f"{target.redo} is not part of this run: {_instead(refs, target)}")
    return refs[refs.index(target) :]


def _instead(refs: list[StageRef], target: StageRef) -> str:
    if target.stage == TEST.stage:
        return "the test belongs to no epoch, leave --epoch out"
    there = sorted({ref.stage for ref in refs if ref.epoch == target.epoch})
    if target.epoch is not None and there:
        return f"epoch {target.epoch} has {', '.join(there)}, choose one of these"
    epochs = [ref.epoch for ref in refs if ref.stage == target.stage and ref.epoch is not None]
    if epochs:
        return f"{target.stage} is part of epochs {epochs[0]} to {epochs[-1]}, name one as with --epoch {epochs[-1]}"
    known = sorted({ref.stage for ref in refs})
    return f"its stages are {', '.join(known)}, choose one of these"
