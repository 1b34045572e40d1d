"""Reading everything: every file of a run against its receipt."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .epochs import all_refs
from .errors import CorruptError, PipelineError
from .run_files import read_rows_file
from .stages.base import StageRef
from .status import open_record
from .storage.committed import PRUNED, Committed
from .storage.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class Verified:
    """One stage: how many files were read, and what is wrong with it (with the remedy), if anything."""

    ref: StageRef
    files: int
    problems: tuple[str, ...]


def verify_run(root: Path) -> Iterator[Verified]:
    """Compare the content of every file of a run with its receipt, stage by stage in the order of the run.

    Stages that are not there, not finished or pruned have nothing to compare.
    Errors: CorruptError when the run's own rows are damaged, on which everything stands.
    """
    spec, facts = open_record(root)
    read_rows_file(root, facts.data_digest)
    for ref in all_refs(spec):
        folder = ref.folder(root)
        try:
            manifest = read_manifest(folder)
        except PipelineError as error:
            yield Verified(ref, 0, (str(error),))
            continue
        if manifest is None or (folder / PRUNED).exists():
            continue
        stage = Committed(folder, manifest)
        problems = tuple(problem for name in manifest.files if (problem := _problem(stage, name)))
        yield Verified(ref, len(manifest.files), problems)


def _problem(stage: Committed, name: str) -> str | None:
    try:
        stage.checked(name)
    except CorruptError as error:
        return str(error)
    return None
