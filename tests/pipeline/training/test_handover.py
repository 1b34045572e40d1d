from pathlib import Path

from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import Job
from tripletmine.pipeline.training.handover import read_job, write_job

from ..run.test_runner import FACTS
from ..runs import small_spec


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, train={"log": ["mlflow"]}, data={"mean": [0.5], "std": [0.25]})
    parents = {StageRef(1, "mine"): "abc", StageRef(0, "train"): "def"}
    job = Job(tmp_path, spec, FACTS, StageRef(1, "train"), parents)
    write_job(tmp_path / "job.json", job)
    assert read_job(tmp_path / "job.json") == job
