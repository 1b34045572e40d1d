"""Prefect is told now and then of the stage at work; a server that does not accept this changes nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from tripletmine.flows import stage_progress
from tripletmine.flows.artifacts import hardest_pairs, metrics_by_epoch
from tripletmine.flows.recording import Recording
from tripletmine.flows.stage_progress import SECONDS, StageProgress
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.run.epochs import plan_epochs


class Shown:
    """Records what the terminal is told."""

    def __init__(self):
        self.heard = []

    def stage_started(self, title, rows, done):
        self.heard.append(("started", title, rows, done))

    def advance(self, rows):
        self.heard.append(("advanced", rows))

    def stage_ended(self, title, seconds, skipped):
        self.heard.append(("ended", title, skipped))

    def note(self, text):
        self.heard.append(("note", text))


@pytest.fixture
def told(monkeypatch):
    sent = []

    def create(progress, description):
        sent.append((progress, description))
        return uuid4()

    def update(artifact, progress):
        assert isinstance(artifact, UUID)
        sent.append(progress)

    monkeypatch.setattr(stage_progress, "create_progress_artifact", create)
    monkeypatch.setattr(stage_progress, "update_progress_artifact", update)
    return sent


def work(progress, clock):
    progress.stage_started("mine of epoch 1", 100, 20)
    for _ in range(8):
        clock.now += SECONDS / 2
        progress.advance(10)
    progress.stage_ended("mine of epoch 1", 3.0, False)
    progress.stage_started("train of epoch 1", 50, 50)
    progress.stage_ended("train of epoch 1", 0.0, True)
    progress.note("well")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_stage_at_work_is_an_artifact_that_is_seldom_updated(told):
    shown, clock = Shown(), Clock()
    work(StageProgress(shown, Recording(lambda _: None), clock), clock)
    assert told == [(20.0, "mine of epoch 1: 100 rows"), 40.0, 60.0, 80.0, 100.0, 100.0]
    assert [each[0] for each in shown.heard] == [
        "started",
        *["advanced"] * 8,
        "ended",
        "started",
        "ended",
        "note",
    ]


def test_a_server_that_takes_none_changes_nothing(told, monkeypatch):
    def refuse(*_args, **_named):
        raise RuntimeError("artifacts are full")

    monkeypatch.setattr(stage_progress, "create_progress_artifact", refuse)
    shown, clock, notes = Shown(), Clock(), []
    work(StageProgress(shown, Recording(notes.append), clock), clock)
    assert notes == ["Prefect no longer records this run, which goes on: artifacts are full"]
    assert told == []
    assert ("ended", "mine of epoch 1", False) in shown.heard


def test_without_triplets_there_are_no_hardest_pairs(tmp_path):
    opened = SimpleNamespace(run=SimpleNamespace(root=tmp_path))
    assert hardest_pairs(opened) == []  # pyright: ignore[reportArgumentType]


def test_the_recalls_are_those_that_the_run_measures(finished: Path):
    root = finished.parent / "runs" / "tiny"
    spec, _ = open_record(root)
    measured = spec.model_copy(update={"evaluate": spec.evaluate.model_copy(update={"recalls": (1, 4)})})
    opened: Any = SimpleNamespace(run=SimpleNamespace(root=root, spec=measured), epochs=plan_epochs(spec))
    for row in metrics_by_epoch(opened):
        assert {name for name in row if name.startswith("recall")} == {"recall@1", "recall@4"}
