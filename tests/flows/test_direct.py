"""A run from Python, without Prefect."""

import pytest
import tripletmine as tm
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.run.progress import Silent


def test_a_run_from_python_ends_as_the_command_does(run_file, finished):
    told: list[str] = []

    class Told(Silent):
        def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
            told.append(title)

    run = tm.run(str(run_file), executor="serial", progress=Told())
    assert run.finished
    assert run.root == run_file.parent / "runs" / "tiny"
    assert (told[0], told[-1]) == ("train of epoch 0", "test")
    same = tm.status(str(finished))
    assert [epoch.validation for epoch in run.epochs] == [epoch.validation for epoch in same.epochs]
    assert tm.status(run.root) == run


def test_a_status_of_something_else_is_an_error(tmp_path):
    with pytest.raises(SpecError, match="is not a run directory"):
        tm.status(tmp_path)
