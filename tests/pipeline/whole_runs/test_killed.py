"""kill -9 in the middle of each stage, then the same command again: nothing is lost, done twice, or different."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.epochs import TEST
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.journal import read_events

from ...forked import Forked
from ...waiting import eventually
from .. import runs
from ..conftest import Finished
from ..labelled import labelled_spec, write_labelled
from ..processes import kill_group, start
from ..ranked import ranked_spec, write_ranked

STAGES = ("embed", "graph", "mine", "train", "evaluate")
EPOCH = 1
TRIES = 5


@dataclass(frozen=True)
class Kill:
    """What was on disk when the process was killed: tasks with a receipt, and how many events had been noted."""

    ref: StageRef
    kept: frozenset[str]
    events: int


class Runner:
    """Starts and kills the same command on the same run directory."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._log = Path(spec.base) / "output.log"

    def _start(self) -> Forked:
        return start(runs.__file__, self._spec.model_dump_json(), log=self._log)

    def kill_within(self, ref: StageRef) -> Kill:
        """Start, and kill -9 all its processes while this stage has tasks done and tasks to do."""
        folder = ref.folder(self._spec.root)
        manifest = folder / "manifest.json"
        for _ in range(TRIES):
            process = self._start()
            try:
                eventually(partial(self._time_to_look, folder, process), f"the middle of {ref}")
            finally:
                kill_group(process)
            if not manifest.exists():
                assert self._begun(folder), f"{ref} was not begun: {self._log.read_text()}"
                kept = frozenset(path.stem for path in (folder / "receipts").glob("[!.]*.json"))
                return Kill(ref, kept, len(list(read_events(self._spec.root))))
            shutil.rmtree(folder)  # it had ended before we looked: try again
        pytest.fail(f"{ref} was always done before it could be killed")

    def _time_to_look(self, folder: Path, process: Forked) -> bool:
        return self._begun(folder) or (folder / "manifest.json").exists() or process.poll() is not None

    @staticmethod
    def _begun(folder: Path) -> bool:
        if folder.name == "train":
            return (folder / "progress" / "progress.json").exists()
        return len(list((folder / "receipts").glob("[!.]*.json"))) >= (1 if folder.name == "evaluate" else 2)

    def finish(self) -> None:
        """Start it, and let it end."""
        process = self._start()
        try:
            eventually(lambda: process.poll() is not None, "the end of the run")
        finally:
            kill_group(process)
        assert process.returncode == 0, self._log.read_text()


def test_kill_9_in_the_middle_of_each_stage(digits_run: Finished, tmp_path: Path) -> None:
    spec = runs.small_spec(tmp_path)
    runner = Runner(spec)

    kills = [runner.kill_within(StageRef(EPOCH, stage)) for stage in STAGES]
    runner.finish()

    events = list(read_events(spec.root))
    for kill in kills:
        again = {
            event["task"]
            for event in events[kill.events :]
            if event["event"] == "task"
            and (event["epoch"], event["stage"]) == (kill.ref.epoch, kill.ref.stage)
        }
        assert not again & kill.kept, f"{kill.ref}: computed again after their receipts were there"
        assert again, f"{kill.ref} had nothing left to do, so it was not killed in the middle"
    assert runs.differences(spec.root, digits_run.root) == []


def test_kill_9_while_rows_are_searched_for_in_cells(tmp_path: Path) -> None:
    changes = {"graph": {"method": "cells", "parts": 1}}
    undisturbed, killed = (tmp_path / name for name in ("undisturbed", "killed"))
    for folder in (undisturbed, killed):
        folder.mkdir()
    runs.finish(runs.small_spec(undisturbed, **changes))
    spec = runs.small_spec(killed, **changes)
    runner = Runner(spec)
    kill = runner.kill_within(StageRef(EPOCH, "graph"))
    runner.finish()
    again = [
        event["task"] for event in list(read_events(spec.root))[kill.events :] if event["event"] == "task"
    ]
    assert not kill.kept & {task for task in again if task.startswith(("index", "cells"))}
    assert runs.differences(spec.root, runs.small_spec(undisturbed, **changes).root) == []


def labelled(folder: Path, **changes: dict[str, Any]) -> RunSpec:
    """A run by LSEP, with verification and recognition; small chunks, so that stages have several tasks, and long
    epochs."""
    evaluation = {"pairs": 200, "fars": [0.05, 0.2], "knn": 3, "nmi": False}
    sizes = {"embed": {"chunk_rows": 15}, "train": {"images_per_epoch": 2400}}
    return labelled_spec(folder, evaluate=evaluation, **sizes, **changes)


def ranked(folder: Path, **changes: dict[str, Any]) -> RunSpec:
    """A run by ranking, with chunks as small and epochs as long."""
    sizes = {"embed": {"chunk_rows": 10}, "mine": {"chunk_rows": 10}, "train": {"images_per_epoch": 2400}}
    return ranked_spec(folder, **sizes, **changes)


@pytest.mark.parametrize(
    ("write", "spec_of"), [(write_labelled, labelled), (write_ranked, ranked)], ids=["lsep", "ranking"]
)
def test_kill_9_of_a_run_that_scores(
    write: Callable[[Path], None], spec_of: Callable[..., RunSpec], tmp_path: Path
) -> None:
    write(tmp_path)
    undisturbed, spec = (
        spec_of(tmp_path, run={"directory": name, "epochs": 2}) for name in ("undisturbed", "killed")
    )
    runs.finish(undisturbed)
    runner = Runner(spec)
    for ref in (StageRef(EPOCH, "mine"), StageRef(EPOCH, "train"), TEST):
        runner.kill_within(ref)
    runner.finish()
    assert runs.differences(spec.root, undisturbed.root) == []
