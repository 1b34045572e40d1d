"""A served schedule and a deployment, each with a real server and a real run."""

import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from ..waiting import PATIENCE_SECONDS, eventually
from .api import POLL_SECONDS, ask, flow_runs
from .conftest import grow
from .processes import Holder, private_environment

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = Path(sys.executable).parent
KEY = "tripletmine:of these tests"
asking = partial(eventually, every=POLL_SECONDS)

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def ended_run(url: str, key: str, deployment: str):
    found = flow_runs(url, key, deployment=deployment)
    return next((run for run in found if run["state_type"] in ENDED), None)


def states_at_rest(url: str) -> set[str] | None:
    """The states of all runs; None while one is at work."""
    states = {run["state_type"] for run in flow_runs(url, KEY, deployment="tiny")}
    return states if states <= {*ENDED, "SCHEDULED"} else None


def test_a_served_schedule_runs_on_time_takes_data_that_have_grown_and_leaves_nothing_behind(
    run_file, tmp_path
):
    """The folder grows between two runs: the next one trains on all of it, in the same directory."""
    root, said = run_file.parent / "runs" / "tiny", tmp_path / "serve.log"
    with said.open("wb") as log:
        serving = subprocess.Popen(
            [SCRIPTS / "tripletmine", "serve", run_file, "--every", "20s"],
            env=private_environment(tmp_path / "home", PREFECT_SERVER_API_AUTH_STRING=KEY),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = asking(lambda: re.search(r"serving tiny with (\S+);", said.read_text()), "a server")[1]
        run = asking(lambda: ended_run(url, KEY, "tiny"), "a run on time")
        assert run["state_name"] == "Completed", said.read_text()
        assert run["auto_scheduled"]
        assert (root / "test" / "manifest.json").exists()
        first = read_splits(root)
        grow(run_file)
        asking(
            lambda: len(read_splits(root)) > len(first) and (root / "test" / "manifest.json").exists(),
            "a run of all data",
        )
        grown = read_splits(root)
        assert {key: grown[key] for key in first} == first, "what there was stays in its split"
        assert len(grown) == len(first) + 12
        assert "1 file changed (trees.npz); its 8 stages are done again" in " ".join(said.read_text().split())
        # A run that is at work when the signal comes has only seconds to end properly.
        states = asking(lambda: states_at_rest(url), "a pause between two runs")
        assert "FAILED" not in states, said.read_text()
        assert not list((root / ".prefect").glob("storage*"))
        started = psutil.Process(serving.pid).children(recursive=True)
        serving.send_signal(signal.SIGINT)
        assert serving.wait(PATIENCE_SECONDS) == 0
        assert not psutil.wait_procs(started, PATIENCE_SECONDS)[1]
    finally:
        end_tree(serving)
    assert not (tmp_path / "home").exists()


def test_a_served_deployment_takes_no_other_run_file(run_file, tmp_path, prefect_server):
    """Somebody who may write to the server asks it for a run of their own, whose encoder is their code."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    trace = theirs / "trace"
    (theirs / "encoder.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n")
    other = theirs / "theirs.toml"
    other.write_text(run_file.read_text().replace('"mlp"', '"encoder.py:build"'))
    shutil.copy(run_file.parent / "trees.npz", theirs)
    ours = run_file.parent / "ours.toml"
    ours.write_text(run_file.read_text().replace('"tiny"', '"ours"'))
    said = tmp_path / "serve.log"
    with said.open("wb") as log:
        serving = subprocess.Popen(
            [SCRIPTS / "tripletmine", "serve", ours, "--every", "1w"],
            env=private_environment(tmp_path / "home", **prefect_server.client),
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def ask_it(path, body=None):
        return ask(prefect_server.url, prefect_server.key, path, body)

    def ended(flow_run):
        found = ask_it(f"/flow_runs/{flow_run['id']}")
        return found if found["state_type"] in ENDED else None

    try:
        wanted = {"deployments": {"name": {"any_": ["ours"]}}}
        (deployment,) = asking(lambda: ask_it("/deployments/filter", wanted), "the deployment")
        asked = ask_it(
            f"/deployments/{deployment['id']}/create_flow_run", {"parameters": {"run_file": str(other)}}
        )
        refused = asking(lambda: ended(asked), "the end of the run")
        assert refused["state_type"] == "FAILED", said.read_text()
        assert f"this process serves run_file {ours}" in refused["state"]["message"]
    finally:
        end_tree(serving)
    assert not trace.exists(), "the other run's code was executed"
    assert sorted(path.name for path in theirs.iterdir()) == ["encoder.py", "theirs.toml", "trees.npz"]
    assert not list(run_file.parent.glob("runs/ours/.prefect/storage*")), "Prefect pickles what fails"


def read_splits(root: Path) -> dict[str, str]:
    """Split of each key."""
    rows = pq.read_table(root / "rows.parquet", columns=["key", "split"])
    return dict(zip(rows["key"].to_pylist(), rows["split"].to_pylist(), strict=True))


def test_a_deployment_runs_in_a_process_work_pool(prefect_server: Holder, run_file, tmp_path):
    environment = private_environment(
        tmp_path, **prefect_server.client, DO_NOT_TRACK="1", TRIPLETMINE_RUN_FILE=str(run_file)
    )
    prefect = SCRIPTS / "prefect"
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [prefect, "worker", "start", "--pool", "triplets", "--type", "process"],
            env={**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        asking(lambda: ask(prefect_server.url, prefect_server.key, "/work_pools/filter", {}), "a pool")
        subprocess.run(
            [prefect, "--no-prompt", "deploy", "--all"],
            cwd=DEPLOY,
            env=environment,
            check=True,
            capture_output=True,
        )
        deployment = ask(prefect_server.url, prefect_server.key, "/deployments/name/tripletmine/nightly")
        assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        ask(prefect_server.url, prefect_server.key, f"/deployments/{deployment['id']}/create_flow_run", {})
        run = asking(
            lambda: ended_run(prefect_server.url, prefect_server.key, "nightly"), "the end of the run"
        )
        assert run["state_name"] == "Completed", (tmp_path / "worker.log").read_text()
    finally:
        end_tree(worker)


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process that a test started, and all that it started."""
    try:
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        tree = []
    for each in tree:
        if each.is_running():
            each.terminate()
    for each in psutil.wait_procs(tree, 30)[1]:
        each.kill()
    process.wait(PATIENCE_SECONDS)
