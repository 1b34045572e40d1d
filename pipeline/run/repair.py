"""Recompute what is damaged: single tasks of a stage if the run is deterministic, else everything from there on."""

from ..plan.refs import StageRef
from ..plan.stage import Stage
from ..plan.stage_folder import StageFolder, set_aside
from ..storage.manifest import Manifest
from ..workers.base import Executor
from .directory import Run
from .epochs import TEST, all_refs, final_stage, plan_epochs
from .progress import Progress
from .redo import require_parents
from .runner import StageResult, make_job, run_stage
from .verify import Verified, verify_stage


def repair_run(run: Run, executor: Executor, progress: Progress) -> list[StageResult]:
    """Restore every committed stage; returns the stages of which something was recomputed.

    A stage without a manifest before a committed one has lost it, and is redone.

    A deterministic run gives the same bytes again, so the stages after a repaired one stay. Otherwise the stage and all
    later ones are redone, and the damaged results are kept aside until the new ones are committed.

    Raises: UnavailableError if a stage to redo reads a pruned one, before that stage is touched; what the tasks raise.
    """
    refs = _begun(run)
    results = []
    for position, ref in enumerate(refs):
        stage = _stage(run, ref)
        found = verify_stage(run.root, ref)
        if not StageFolder(run.root, ref).committed:
            require_parents(run, [ref])
        elif found.problems:
            again = [ref] if run.spec.run.deterministic else refs[position:]
            require_parents(run, again)
            if run.spec.run.deterministic:
                _reopen(run, stage, ref, found)
            else:
                set_aside(run.root, again)
        elif found.manifest is not None and _made_from_others(run, stage, ref, found.manifest):
            require_parents(run, [ref])
            set_aside(run.root, [ref])
        result = run_stage(run, stage, ref, executor, progress)
        if not result.skipped:
            results.append(result)
    for ref in set(all_refs(run.spec)) - set(refs):
        StageFolder(run.root, ref).tidy_unfinished()
    return results


def _begun(run: Run) -> list[StageRef]:
    """All stages up to the last committed one, and the test if it is committed; it may be older than the last
    epochs."""

    def committed(ref: StageRef) -> bool:
        return StageFolder(run.root, ref).committed

    *epochs, test = all_refs(run.spec)
    tested = [test] if committed(test) else []
    while epochs and not committed(epochs[-1]):
        if tested and epochs[-1].stage == "evaluate" and committed(epochs[-2]):
            break  # most likely this evaluation existed when the test chose the best epoch
        epochs.pop()
    return epochs + tested


def _stage(run: Run, ref: StageRef) -> Stage:
    if ref == TEST:
        return final_stage(run.root, run.spec)
    return next(stage for stage in plan_epochs(run.spec)[ref.epoch or 0].stages if stage.name == ref.stage)


def _made_from_others(run: Run, stage: Stage, ref: StageRef, manifest: Manifest) -> bool:
    """Whether a parent differs from the one this stage was made from, as after a repair on another kind of machine."""
    now = {str(parent): digest for parent, digest in make_job(run, stage, ref).parent_digests.items()}
    return manifest.inputs["parents"] != now


def _reopen(run: Run, stage: Stage, ref: StageRef, found: Verified) -> None:
    """Turn a committed stage into an unfinished one that lacks only its damaged tasks."""
    folder = StageFolder(run.root, ref)
    if found.manifest is None:
        # Without a manifest it is unknown which files are intact.
        folder.set_aside()
    else:
        folder.reopen(found.manifest, _lost_tasks(run, stage, ref, found.manifest, found.damaged))


def _lost_tasks(
    run: Run, stage: Stage, ref: StageRef, manifest: Manifest, damaged: frozenset[str]
) -> set[str]:
    """The tasks that must run again: those whose files are damaged, or all tasks if one of these reads the scratch
    folder of earlier phases, which was deleted at the commit."""
    lost = {receipt.task for receipt in manifest.receipts if damaged & receipt.files.keys()}
    plan = stage.plan(run.spec, run.facts, ref)
    reading = {task.name for phase in plan.phases if phase.reads_scratch for task in phase.tasks}
    return {receipt.task for receipt in manifest.receipts} if lost & reading else lost
