"""Redoing from a stage: the old results stay aside until the new ones are committed."""

from ..errors import SpecError, UnavailableError
from ..plan.refs import StageRef
from ..plan.stage_folder import StageFolder
from .directory import Run
from .epochs import final_stage, plan_epochs


def require_parents(run: Run, ref: StageRef) -> None:
    """See that what a stage reads is still there, before anything is moved out of the way.

    Raises: UnavailableError naming the stage to begin with instead.
    """
    for parent in _parents(run, ref):
        if StageFolder(run.root, parent).pruned:
            raise UnavailableError(
                f"{ref} reads {parent}, whose files were pruned (run.keep): begin with {parent.redo} instead"
            )


def _parents(run: Run, ref: StageRef) -> tuple[StageRef, ...]:
    if ref.epoch is None:
        return final_stage(run.root, run.spec).parents(run.spec, run.facts, ref)
    stages = {stage.name: stage for stage in plan_epochs(run.spec)[ref.epoch].stages}
    return stages[ref.stage].parents(run.spec, run.facts, ref)


def from_stage(refs: list[StageRef], stage: str, epoch: int | None) -> list[StageRef]:
    """The stages from this one on, in the order of the run.

    Raises: SpecError when the run has no such stage.
    """
    target = StageRef(epoch, stage)
    if target not in refs:
        known = sorted({ref.stage for ref in refs if ref.epoch == epoch})
        raise SpecError(
            f"--from-stage {stage} --epoch {epoch} is not part of this run: "
            + (
                f"epoch {epoch} has {', '.join(known)}"
                if known
                else f"its epochs are 0 to {_last_epoch(refs)}"
            )
        )
    return refs[refs.index(target) :]


def _last_epoch(refs: list[StageRef]) -> int:
    return max(ref.epoch for ref in refs if ref.epoch is not None)
