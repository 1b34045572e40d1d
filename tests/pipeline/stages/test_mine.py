import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.plan.work import Task
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.runner import run_stage
from tripletmine.pipeline.stages.mine import MINE
from tripletmine.pipeline.workers.base import Outcome
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded

REF = StageRef(1, "mine")


class BrokenOff(SerialExecutor):
    """Ends when all ranges are mined and the summary is to be made."""

    def run(self, call: Callable[[Task], Outcome], tasks: Sequence[Task]) -> Iterator[Outcome]:
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
