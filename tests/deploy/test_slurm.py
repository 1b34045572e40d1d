"""deploy/slurm.sh on a real SLURM of one node."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ..faults.cases import References
from ..faults.product import private_environment
from ..faults.state import at_work, computed, events, require_same
from ..waiting import eventually
from .one_node import OneNode

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm.sh"
OPTIONS = ("--ntasks=3", "--mem-per-cpu=2G")
"""Two workers."""


@pytest.fixture
def slurm() -> Iterator[OneNode]:
    with tempfile.TemporaryDirectory(prefix="tripletmine-slurm-", dir="/run") as folder:
        Path(folder).chmod(0o711)
        with closing(OneNode(Path(folder))) as node:
            node.start()
            yield node


@pytest.mark.system
def test_a_run_by_sbatch_broken_off_and_submitted_again_gives_the_bytes_of_a_serial_run(
    slurm: OneNode, tmp_path: Path
) -> None:
    references = References(tmp_path)
    undisturbed = references.finished()
    product = references.product(tmp_path / "run")
    bin_folder = Path(sys.executable).parent
    environment = {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    def submit() -> str:
        log = str(product.folder / "job.out")
        told = ("--parsable", f"--chdir={product.folder}", f"--output={log}", "--open-mode=append")
        return slurm.call(
            "sbatch", *OPTIONS, *told, str(SCRIPT), str(product.run_file), "--no-prefect", **environment
        )

    def said() -> str:
        return (product.folder / "job.out").read_text()

    first = submit()
    eventually(
        lambda: at_work(product.root) == "graph" or ended(slurm, first), "the second epoch", seconds=90
    )
    assert slurm.state(first) == "RUNNING", said()
    slurm.call("scancel", "--batch", "--signal=TERM", first)  # as SLURM does two minutes before time is up
    eventually(lambda: ended(slurm, first), "the end of the first job", seconds=60)
    assert "the same sbatch command continues the run" in said()

    second = submit()
    eventually(lambda: ended(slurm, second), "the end of the job", seconds=120)
    assert slurm.state(second) == "COMPLETED", said()
    assert "Traceback" not in said(), said()
    require_same(product.root, undisturbed.root)

    done = computed(events(product.root))
    assert len(done) == len(set(done)), "a task that was committed was done again"
    at = {
        stage: {
            line["pid"] for line in events(product.root) if line["event"] == "task" and line["stage"] == stage
        }
        for stage in ("train", "mine")
    }
    assert at["mine"] - at["train"], "no worker had a task"
    assert not list(product.folder.glob(".tripletmine-*")), "keys were left"


def ended(slurm: OneNode, job: str) -> bool:
    """Whether nothing of the job is left."""
    return slurm.state(job) not in {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED"}


@pytest.mark.parametrize(
    ("ntasks", "arguments", "expected"),
    [
        (None, ["run.toml"], "start it with `sbatch"),
        ("3", [], "no run file is named"),
        ("3", ["nowhere.toml"], "there is no run file nowhere.toml"),
        ("1", ["run.toml"], "give --ntasks=2 or more"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, ntasks: str | None, arguments: list[str], expected: str
) -> None:
    (tmp_path / "run.toml").touch()
    job = {} if ntasks is None else {"SLURM_JOB_ID": "1", "SLURM_NTASKS": ntasks}
    ended = subprocess.run(
        [SCRIPT, *arguments],
        cwd=tmp_path,
        env=private_environment(**job),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert expected in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
