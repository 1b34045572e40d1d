"""run.keep: deleting what later epochs no longer read. Manifests stay, so that the run stays explainable."""

import shutil
from pathlib import Path

from ..plan.refs import StageRef, manifest_of
from ..storage.committed import PRUNED
from ..storage.publish import publish_json
from .directory import Run
from .epochs import best_epoch


def prune(run: Run, finished: int) -> list[StageRef]:
    """Delete the files that run.keep no longer wants after epoch `finished`; returns the stages that were pruned."""
    keep = run.spec.run.keep
    pruned = []
    for stage, epochs in (("embed", keep.embeddings), ("graph", keep.graph), ("mine", keep.triplets)):
        if isinstance(epochs, int):
            pruned += [StageRef(number, stage) for number in range(finished - epochs + 1)]
    if keep.checkpoints == "best+last":
        best = best_epoch(run.root, run.spec)
        # The last epoch's own start stays too: redoing any stage of it needs it.
        pruned += [StageRef(number, "train") for number in range(finished - 1) if number != best]
    return [ref for ref in pruned if _prune_stage(run.root, ref)]


def _prune_stage(root: Path, ref: StageRef) -> bool:
    folder = ref.folder(root)
    manifest = manifest_of(root, ref)
    if manifest is None or (folder / PRUNED).exists():
        return False
    # The mark comes first: a crash in between leaves a stage that is pruned but not yet empty, never one that
    # seems damaged.
    publish_json(folder / PRUNED, {"pruned_bytes": manifest.bytes})
    for name in manifest.files:
        (folder / name).unlink(missing_ok=True)
    for child in folder.iterdir():
        if child.is_dir():
            shutil.rmtree(child, ignore_errors=True)
    return True
