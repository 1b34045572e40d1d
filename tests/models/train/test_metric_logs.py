"""Metrics in the files and calls of each tool, and the message where one is not installed."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tripletmine.models.errors import ModelError
from tripletmine.models.train.metric_logs import open_logs

LINE = {"loss": 0.5, "loss/triplet": 0.25, "triplets": 7, "nothing": None, "updated": True}


class Mlflow:
    """What we use of MLflow's module."""

    def __init__(self):
        self.started, self.logged = [], []

    @contextmanager
    def start_run(self, **named):
        self.started.append(named)
        yield SimpleNamespace(info=SimpleNamespace(run_id="id-1"))

    def log_metrics(self, metrics, step):
        self.logged.append((metrics, step))


def test_all_epochs_and_resumes_share_one_mlflow_run(tmp_path, monkeypatch):
    mlflow = Mlflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    for step in (3, 4):
        with open_logs(["mlflow"], tmp_path / "logs", title="birds", first_step=step) as log:
            log(LINE, step)
    assert mlflow.started == [{"run_name": "birds"}, {"run_id": "id-1"}]
    expected = {"train/loss": 0.5, "train/loss/triplet": 0.25, "train/triplets": 7.0, "train/updated": 1.0}
    assert mlflow.logged == [(expected, 3), (expected, 4)]


class Trackio:
    """What we use of Trackio's module."""

    def __init__(self):
        self.started, self.logged, self.finished = [], [], 0

    def init(self, **named):
        print("Trackio's greeting")
        self.started.append(named)
        return SimpleNamespace(log=lambda metrics, step: self.logged.append((metrics, step)))

    def finish(self):
        self.finished += 1


def test_all_epochs_and_resumes_share_one_trackio_run_which_no_other_has(tmp_path, monkeypatch, capsys):
    trackio = Trackio()
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    for folder in ("one", "one", "other"):
        with open_logs(["trackio"], tmp_path / folder, title="birds", first_step=3) as log:
            log(LINE, 3)
    first, resumed, other = (started["name"] for started in trackio.started)
    assert first == resumed != other
    assert first.startswith("birds-")
    assert all(started["resume"] == "allow" for started in trackio.started)
    assert [step for _, step in trackio.logged] == [3, 3, 3]
    assert trackio.finished == 3
    assert capsys.readouterr().out == ""


def test_weights_and_biases_keeps_all_epochs_of_a_run_in_files_under_one_id(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    for step in (3, 4):
        with open_logs(["wandb"], tmp_path / "logs", title="birds", first_step=step) as log:
            log(LINE, step)
    known = (tmp_path / "logs/wandb-run.txt").read_text()
    written = sorted((tmp_path / "logs/wandb").glob(f"offline-run-*-{known}/run-{known}.wandb"))
    # Two files, unless both began within one second.
    content = b"".join(path.read_bytes() for path in written)
    assert content.count(b"train/loss/triplet") >= len(written) >= 1
    out, err = capfd.readouterr()
    assert out == err == ""


def test_event_files_hold_every_step_once_also_after_a_resume(tmp_path):
    for first, stop in ((0, 5), (3, 6)):  # broken off after step 4, continued from step 3
        with open_logs(["tensorboard"], tmp_path, title="birds", first_step=first) as log:
            for step in range(first, stop):
                log({**LINE, "loss": float(step)}, step)
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert "train/loss/triplet" in found.Tags()["scalars"]
    scalars = [(event.step, event.value) for event in found.Scalars("train/loss")]
    assert scalars == [(step, float(step)) for step in range(6)]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb", "trackio"])
def test_a_log_that_is_not_installed_is_refused_with_the_extra(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with (
        pytest.raises(ModelError, match=rf"log names \"{name}\".*pip install 'tripletmine\[{name}\]'"),
        open_logs([name], tmp_path, title="birds", first_step=0),
    ):
        pass


def test_without_logs_nothing_is_written(tmp_path):
    with open_logs([], tmp_path / "logs", title="birds", first_step=0) as log:
        log(LINE, 0)
    assert list(tmp_path.iterdir()) == []
