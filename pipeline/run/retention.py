"""run.keep: delete what later epochs no longer read. Manifests stay, so that the run remains explainable."""

from ..artifacts.scores import best_epoch
from ..plan.refs import StageRef
from ..plan.stage_folder import StageFolder
from .directory import Run


def prune(run: Run, finished: int) -> list[StageRef]:
    """Delete the files that run.keep does not keep after epoch `finished`; returns the pruned stages."""
    keep = run.spec.run.keep
    pruned = []
    mined = run.spec.mined_before(finished + 1)
    for stage, epochs in (("embed", keep.embeddings), ("graph", keep.graph), ("mine", keep.triplets)):
        if isinstance(epochs, int):
            pruned += [StageRef(number, stage) for number in mined[: len(mined) - epochs]]
    if keep.checkpoints == "best+last":
        best = best_epoch(run.root, run.spec)
        # The checkpoint before the last epoch also stays: redoing any stage of that epoch needs it.
        pruned += [StageRef(number, "train") for number in range(finished - 1) if number != best]
    return [ref for ref in pruned if StageFolder(run.root, ref).prune()]
