"""Verify a run: every file against its receipt, and every stage against the parents it was made from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..artifacts.encoder_copies import damaged_copies
from ..artifacts.ranking import kept_ranking
from ..artifacts.record import open_record
from ..artifacts.reviews import kept_review
from ..artifacts.rows import read_rows_file
from ..errors import CorruptError
from ..plan.refs import StageRef, manifest_of
from ..plan.stage import RunFacts
from ..plan.stage_folder import StageFolder
from ..storage.committed import Committed
from ..storage.manifest import Manifest
from ..storage.names import MANIFEST
from ..storage.receipts import damaged_files, unreadable_receipts
from .epochs import all_refs


@dataclass(frozen=True, slots=True)
class Verified:
    """One stage, or the run's own files (ref None): the number of files read, and the problems with their remedies.

    damaged: names of damaged files of a committed stage. manifest: None if the stage is not committed, or its manifest
    cannot be read.
    """

    ref: StageRef | None
    files: int
    problems: tuple[str, ...]
    damaged: frozenset[str] = frozenset()
    manifest: Manifest | None = None


def verify_run(root: Path) -> Iterator[Verified]:
    """Compare the content of every file of a run with its receipt, stage by stage in the order of the run.

    Missing and pruned stages have nothing to compare.
    Raises: CorruptError if the run's rows are damaged, on which everything else depends.
    """
    spec, facts = open_record(root)
    read_rows_file(root, facts.data_digest)
    copies = [f"{path} is damaged: delete it, the next run copies it again" for path in damaged_copies(root)]
    yield Verified(None, 1, (*copies, *_damaged_copies(root, facts)))
    refs = all_refs(spec)
    manifests: dict[str, Manifest | None] = {}
    for ref in refs:
        found = verify_stage(root, ref)
        # An unreadable manifest is already reported by `found`.
        if found.manifest is not None or not found.problems:
            manifests[str(ref)] = found.manifest
        yield _with_parents(found, root, refs, manifests)


def _damaged_copies(root: Path, facts: RunFacts) -> Iterator[str]:
    """Problems with the run's copies of reviews and pairs."""
    reviews = [partial(kept_review, root, digest) for _, digest in (*facts.reviews, *facts.held_out)]
    for read in [*reviews, *([partial(kept_ranking, root, facts.ranking)] if facts.ranking else [])]:
        try:
            read()
        except CorruptError as error:
            yield str(error)


def verify_stage(root: Path, ref: StageRef) -> Verified:
    """Compare the files of one stage with their receipts; for an unfinished stage, the files it has so far."""
    try:
        manifest = manifest_of(root, ref)
    except CorruptError as error:
        return Verified(ref, 0, (str(error),))
    folder = ref.folder(root)
    if manifest is None:
        return _unfinished(StageFolder(root, ref))
    stage = Committed(folder, manifest)
    if stage.pruned:
        return Verified(ref, 0, (), manifest=manifest)
    problems = {name: problem for name in manifest.files if (problem := _problem(stage, name))}
    return Verified(ref, len(manifest.files), tuple(problems.values()), frozenset(problems), manifest)


def _problem(stage: Committed, name: str) -> str | None:
    try:
        stage.checked(name)
    except CorruptError as error:
        return str(error)
    return None


def _unfinished(stage: StageFolder) -> Verified:
    ref, folder = stage.ref, stage.path
    try:
        stage.claim()
    except CorruptError as error:
        return Verified(ref, 0, (str(error),))
    unreadable = unreadable_receipts(folder)
    if unreadable:
        problems = tuple(f"{path} is damaged: delete it, its task of {ref} runs again" for path in unreadable)
        return Verified(ref, 0, problems)
    files = 0
    found = []
    for receipt in stage.receipts().values():
        files += len(receipt.files)
        found += [
            f"{folder / name} differs from its receipt: the next run computes it again"
            for name in damaged_files(folder, receipt)
        ]
    return Verified(ref, files, tuple(found))


def _with_parents(
    found: Verified, root: Path, refs: list[StageRef], manifests: dict[str, Manifest | None]
) -> Verified:
    """Add a problem for each parent that is not the one the stage was made from, as after swapping in files of another
    run.

    manifests: those of the stages so far, without unreadable ones.
    """
    if found.manifest is None:
        return found
    by_name = {str(ref): ref for ref in refs}
    problems = list(found.problems)
    for name, digest in found.manifest.inputs.get("parents", {}).items():
        parent = by_name.get(name)
        if parent is None or name not in manifests:
            continue
        there = manifests[name]
        path = parent.folder(root) / MANIFEST
        if there is None:
            problems.append(f"{path} is gone, and {found.ref} was made from it: redo it with {parent.redo}")
        elif there.digest != digest:
            problems.append(f"{path} is not what {found.ref} was made from: redo {parent} with {parent.redo}")
    return replace(found, problems=tuple(problems))
