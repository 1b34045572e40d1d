import shutil
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pytest
from tripletmine.pipeline.data.rows import RunRows
from tripletmine.pipeline.errors import CorruptError, SpecError
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.plan.work import Task
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.runner import run_stage
from tripletmine.pipeline.stages.mine import MINE
from tripletmine.pipeline.standalone.audit import audit_folder
from tripletmine.pipeline.workers.base import Done
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded, finish, small_spec

REF = StageRef(1, "mine")


class BrokenOff(SerialExecutor):
    """Ends when all ranges are mined and the summary is to be made."""

    def run(self, call: Callable[[Task], Done], tasks: Sequence[Task]) -> Iterator[Done]:
        """See Executor.run."""
        if tasks[0].phase == "summary":
            raise KeyboardInterrupt
        yield from super().run(call, tasks)


def test_ranges_whose_private_files_were_damaged_are_mined_again(copied_run) -> None:
    spec = copied_run()
    expected = manifest_of(spec.root, REF)
    shutil.rmtree(REF.folder(spec.root))
    with open_run(spec) as run:
        with pytest.raises(KeyboardInterrupt):
            run_stage(run, MINE, REF, BrokenOff(), Recorded())
        private = sorted((REF.folder(spec.root) / "progress").glob("rows-*.npy"))
        private[1].write_bytes(private[0].read_bytes())
        private[2].unlink()
        with pytest.raises(
            CorruptError, match=r"rows-00001\.npy \(and 1 more\) .*start the same command again"
        ):
            run_stage(run, MINE, REF, SerialExecutor(), Recorded())
        result = run_stage(run, MINE, REF, SerialExecutor(), Recorded())
    assert result.tasks_run == 3, "two ranges and the summary"
    assert result.manifest == expected


def test_the_guard_against_duplicates_reads_the_embeddings_and_has_a_fingerprint_of_its_own(
    digits_run, tmp_path
) -> None:
    spec = small_spec(tmp_path, mine={"guards": {"duplicate_sq": 0.15}})
    finish(spec)
    manifest, without = manifest_of(spec.root, REF), manifest_of(digits_run.root, REF)
    assert manifest is not None
    assert without is not None
    assert manifest.report["counts"]["refused"]["duplicate"] > 0
    audit = audit_folder(REF.folder(spec.root)).triplets
    assert audit.ok, audit.as_dict()
    assert manifest.inputs["keys"].keys() - without.inputs["keys"].keys() == {"duplicates_of"}


def test_a_guard_by_group_needs_groups(tmp_path) -> None:
    spec = small_spec(tmp_path, mine={"guards": {"same_group": "never-pair"}})
    with pytest.raises(SpecError, match='same_group is "never-pair", but no row of the data set has a group'):
        finish(spec)


def test_rows_of_one_group_are_never_negatives_of_each_other(digits_run, copied_run, monkeypatch) -> None:
    """Only the mine stage is looked at: digits, which have no groups, are given some."""
    spec = copied_run()
    expected = manifest_of(spec.root, REF)
    groups = pa.array([None if row % 5 == 0 else str(row % 3) for row in range(10_000)], pa.string())
    column = RunRows.column

    def with_groups(rows: RunRows, name: str, split: str) -> pa.Array:
        return groups[: len(rows.range(split))] if name == "group" else column(rows, name, split)

    monkeypatch.setattr(RunRows, "column", with_groups)
    monkeypatch.setattr("tripletmine.pipeline.run.prepare.check_groups", lambda *_: None)
    guards = spec.mine.guards.model_copy(update={"same_group": "never-negative"})
    guarded = spec.model_copy(update={"mine": spec.mine.model_copy(update={"guards": guards})})
    shutil.rmtree(REF.folder(spec.root))
    with open_run(guarded) as run:
        manifest = run_stage(run, MINE, REF, SerialExecutor(), Recorded()).manifest
    assert manifest.report["counts"]["refused"]["same_group"] > 0
    assert expected is not None
    assert expected.report["counts"]["refused"]["same_group"] == 0
    assert audit_folder(REF.folder(spec.root)).ok
