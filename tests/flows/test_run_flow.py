"""A whole run in Prefect, by the command line, with nothing started by hand."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest

from ..pipeline.ranked import RANKED, write_ranked
from ..waiting import PATIENCE_SECONDS, eventually
from .api import ask
from .processes import Run, private_environment


def root_of(run_file, name):
    return run_file.parent / "runs" / name


def named(name):
    return {"flow_runs": {"name": {"like_": name}}, "sort": "START_TIME_ASC"}


def recorded(run_file, question, name="tiny"):
    database = root_of(run_file, name) / ".prefect" / "prefect.db"
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(question).fetchall()


def test_a_run_is_a_flow_with_a_subflow_for_each_epoch_and_a_task_for_each_stage(run_file, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    # Many users have a proxy set, which must not come between us and a server on loopback.
    code, said = Run(run_file, home, HTTP_PROXY="http://127.0.0.1:9").ended()
    assert code == 0, said
    assert "Traceback" not in said
    assert "Flow run" not in said, "Prefect's own lines stay out of the terminal"

    flows = recorded(run_file, "SELECT name, state_type FROM flow_run ORDER BY start_time")
    assert flows == [("tiny", "COMPLETED"), ("tiny epoch 0", "COMPLETED"), ("tiny epoch 1", "COMPLETED")]
    mined = ["embed", "graph", "mine", "train", "evaluate"]
    # A sub-flow appears in its parent as a task of its own.
    tasks = recorded(run_file, "SELECT name FROM task_run WHERE name NOT LIKE 'epoch%' ORDER BY start_time")
    assert [name for (name,) in tasks] == ["train", "evaluate", *mined, "test"]
    assert recorded(run_file, "SELECT DISTINCT state_type FROM task_run") == [("COMPLETED",)]
    keys = recorded(run_file, "SELECT DISTINCT key FROM artifact WHERE key IS NOT NULL ORDER BY key")
    assert keys == [("tiny-files",), ("tiny-metrics",), ("tiny-summary",)]
    progress = recorded(
        run_file, "SELECT description, data FROM artifact WHERE type = 'progress' ORDER BY created"
    )
    assert [description.partition(":")[0] for description, _ in progress] == [
        "train of epoch 0",
        "evaluate of epoch 0",
        *(f"{stage} of epoch 1" for stage in mined),
        "test",
    ]
    assert {float(share) for _, share in progress} == {100.0}
    (summary,) = recorded(run_file, "SELECT data FROM artifact WHERE key = 'tiny-summary'")[0]
    assert "The hardest pairs that were mined" in summary
    (parameters,) = recorded(run_file, "SELECT parameters FROM flow_run WHERE name = 'tiny'")[0]
    assert json.loads(parameters)["run_file"]["graph"]["neighbours"] == 30
    # The logs reached the server before it ended.
    (lines,) = recorded(run_file, "SELECT count(*) FROM log WHERE message LIKE '%tasks run%'")[0]
    told = recorded(run_file, "SELECT message FROM log WHERE message LIKE 'epoch %' ORDER BY timestamp")
    assert [message.partition(": loss")[0] for (message,) in told] == ["epoch 0 warm-up", "epoch 1"]
    assert lines == 8

    assert list(home.iterdir()) == []
    assert not (root_of(run_file, "tiny") / ".prefect" / "storage").exists()


def test_a_run_that_ranks_is_a_flow_of_its_stages(tmp_path):
    write_ranked(tmp_path)
    path = tmp_path / "ranked.toml"
    path.write_text(RANKED)
    running = Run(path, tmp_path)
    code, said = running.ended()
    assert code == 0, said
    assert "Traceback" not in said
    assert "without a match" not in running.output.read_text()  # nothing is retrieved

    told = partial(recorded, path, name="ranked")
    assert told("SELECT name, state_type FROM flow_run ORDER BY start_time") == [
        ("ranked", "COMPLETED"),
        ("ranked epoch 0", "COMPLETED"),
        ("ranked epoch 1", "COMPLETED"),
    ]
    tasks = told("SELECT name FROM task_run WHERE name NOT LIKE 'epoch%' ORDER BY start_time")
    assert [name for (name,) in tasks] == ["train", "evaluate", "embed", "mine", "train", "evaluate", "test"]
    assert told("SELECT DISTINCT state_type FROM task_run") == [("COMPLETED",)]
    (summary,) = told("SELECT data FROM artifact WHERE key = 'ranked-summary'")[0]
    assert "120 training rows of 40 items" in summary
    accuracy = json.loads((root_of(path, "ranked") / "test/metrics.json").read_text())["test"][
        "pair_accuracy"
    ]
    assert f"| pair_accuracy | {accuracy:.4f} |" in summary
    assert "queries" not in summary
    (files,) = told("SELECT data FROM artifact WHERE key = 'ranked-files'")[0]
    assert '"pairs"' in json.loads(files)


def test_a_users_server_that_is_not_there_is_one_message(run_file, tmp_path):
    code, said = Run(run_file, tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api").ended()
    assert code == 1
    assert said.startswith("tripletmine: PREFECT_API_URL is http://127.0.0.1:9/api but no Prefect server")
    assert len(said.splitlines()) == 1


def test_a_stage_that_fails_is_one_message_and_a_failed_flow(run_file, tmp_path, prefect_server):
    # It fails only in training: the encoder is tried on one item before anything is recorded.
    (run_file.parent / "encoder.py").write_text(
        """
from torch import nn

class Unlucky(nn.Linear):
    def forward(self, items):
        if self.training:
            raise RuntimeError("no weights today")
        return super().forward(items)

def build(input_shape, embedding_dim):
    return Unlucky(input_shape[0], embedding_dim)
"""
    )
    run_file.write_text(run_file.read_text().replace('"mlp"', '"encoder.py:build"'))
    run_file.write_text(run_file.read_text().replace('"tiny"', '"unlucky"'))
    code, said = Run(run_file, tmp_path, **prefect_server.client).ended()
    assert code == 1
    assert "no weights today" in said
    assert "Traceback" not in said
    found = ask(prefect_server.url, prefect_server.key, "/flow_runs/filter", named("unlucky"))
    assert [(each["name"], each["state_type"]) for each in found] == [
        ("unlucky", "FAILED"),
        ("unlucky epoch 0", "FAILED"),
    ]
    assert not (root_of(run_file, "unlucky") / ".prefect" / "storage").exists(), "Prefect pickles what fails"


def test_a_run_whose_record_is_cancelled_and_deleted_goes_on(run_file, tmp_path, prefect_server):
    """Its own encoder does so when the first of two epochs has begun, so that nothing is left to chance."""
    shutil.copy(Path(__file__).with_name("vanishing.py"), run_file.parent)
    run_file.write_text(run_file.read_text().replace('"mlp"', '"vanishing.py:build"'))
    run_file.write_text(run_file.read_text().replace('"tiny"', '"vanishing"'))
    code, said = Run(run_file, tmp_path, **prefect_server.client).ended()
    assert code == 0, said
    assert said.count("Prefect no longer records this run, which goes on") == 1, said
    assert "Traceback" not in said
    root = root_of(run_file, "vanishing")
    assert (root / "test" / "manifest.json").exists()
    assert not (root / ".prefect" / "storage").exists()
    assert ask(prefect_server.url, prefect_server.key, "/flow_runs/filter", named("vanishing")) == []


@pytest.mark.flaky(reruns=1)  # the limit is a time, and the machine may stall for as long
def test_a_run_whose_private_server_was_killed_goes_on_at_once(run_file, tmp_path):
    """Its own encoder kills it. Prefect itself would wait a minute for each of several requests."""
    shutil.copy(Path(__file__).with_name("killing.py"), run_file.parent)
    run_file.write_text(run_file.read_text().replace('"mlp"', '"killing.py:build"'))
    code, said = Run(run_file, tmp_path).ended()
    assert code == 0, said
    lost = [line for line in said.splitlines() if "Prefect" in line]
    assert len(lost) == 1, said
    assert "Prefect no longer records this run, which goes on: its server does not answer" in lost[0]
    assert "Traceback" not in said
    assert (root_of(run_file, "tiny") / "test" / "manifest.json").exists()
    at, on = (_time_of(said, event) for event in ("no longer records", "embed of epoch 1"))
    assert on - at < timedelta(seconds=45), said


def _time_of(lines, said):
    (line,) = (line for line in lines.splitlines() if said in line)
    return datetime.strptime(line.split()[0], "%H:%M:%S")


def test_an_interrupted_run_ends_its_server_and_says_how_to_go_on(run_file, tmp_path):
    run_file.write_text(run_file.read_text().replace("[train]", "[train]\nimages_per_epoch = 1_000_000"))
    running = Run(run_file, tmp_path)
    progress = run_file.parent / "runs/tiny/epochs/0000/train/progress"
    eventually(progress.exists, "training at work")
    servers = psutil.Process(running.process.pid).children()
    assert len(servers) == 1
    running.process.send_signal(signal.SIGINT)
    code, said = running.ended()
    assert code == 130
    assert (
        said.splitlines()[-1]
        == f"tripletmine: interrupted; `tripletmine run {run_file}` continues where it stopped"
    )
    assert not psutil.wait_procs(servers, PATIENCE_SECONDS)[1]


@pytest.mark.parametrize(("missing", "hint"), [("prefect", "--no-prefect"), ("torch", "tripletmine[all]")])
def test_without_the_extras_the_message_says_what_to_install(missing, hint, run_file, tmp_path):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from tripletmine.flows.cli import main\nsys.argv = ['tripletmine', 'run', {str(run_file)!r}]\nmain()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=private_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    *others, said = ended.stderr.splitlines()
    assert said.startswith(f"tripletmine: this needs {missing}, which is not installed: pip install")
    assert hint in said
    assert not [
        line for line in others if "numcodecs" not in line and "Adler32" not in line
    ]  # deprecates crc32c
