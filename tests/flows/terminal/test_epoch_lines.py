"""Epochs in one line each, and the time that is left."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tripletmine.flows.terminal.epoch_lines import epoch_line, epoch_table, seconds_left
from tripletmine.flows.terminal.watch import at_work, watch_run
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.status import EpochStatus, RunStatus, StageStatus

SECONDS = {"embed": 1.0, "graph": 2.0, "mine": 3.0, "train": 40.0, "evaluate": 5.0}
MINED = {"counts": {"triplets": 41200}, "coverage": 0.982}
VALIDATION = {"recall@1": 0.97531, "map_at_r": 0.9}


def epoch(number, states):
    """An epoch whose stages are in these states, in order; "-" for stages that wait."""
    words = {"c": "committed", "b": "begun", "-": "waiting", "p": "pruned"}
    stages = tuple(
        StageStatus(
            ref=StageRef(number, name),
            state=words[state],
            tasks_done=1,
            tasks=4,
            seconds=SECONDS[name] if state in "cp" else None,
            bytes=0,
            report={"mine": MINED, "train": {"loss": 0.02136}}.get(name, {}) if state in "cp" else {},
        )
        for name, state in zip(SECONDS, states, strict=True)
    )
    done = states[-1] in "cp"
    return EpochStatus(number, False, stages, 0.9, None, VALIDATION if done else {}, {})


def run_of(*epochs):
    return RunStatus(Path(), None, None, epochs, None)  # pyright: ignore[reportArgumentType]  no spec is asked


def drawn(found, rows):
    page = io.StringIO()
    Console(file=page, width=100).print(epoch_table(found, rows))
    return [line.split() for line in page.getvalue().splitlines() if line.strip()][2:]


def test_a_finished_epoch_is_one_line():
    assert epoch_line(epoch(3, "ccccc")) == (
        "epoch 3: loss 0.0214, k 0.900, 41,200 triplets, coverage 98.2%, R@1 0.9753, MAP@R 0.9000, 51.0 s"
    )


def test_what_a_warm_up_does_not_have_is_left_out():
    warm_up = epoch(0, "---cc")
    line = epoch_line(replace(warm_up, warm_up=True, k_hardness=None, stages=warm_up.stages[3:]))
    assert line == "epoch 0 warm-up: loss 0.0214, R@1 0.9753, MAP@R 0.9000, 45.0 s"


def test_labels_have_a_column_only_where_they_are_scored():
    plain = epoch(0, "ccccc")
    scored = replace(plain, validation=VALIDATION | {"label_map": 0.51239})
    assert "MAP@R 0.9000, label mAP 0.5124, 51.0 s" in epoch_line(scored)
    assert drawn(run_of(scored), 5) == [[*drawn(run_of(plain), 5)[0][:-2], "0.5124", "51.0", "s"]]


def test_a_run_that_ranks_has_pairs_in_place_of_triplets_and_no_retrieval():
    plain = epoch(0, "ccccc")
    stages = tuple(
        replace(each, report={"counts": {"pairs": 1234}, "coverage": 1.0})
        if each.ref.stage == "mine"
        else each
        for each in plain.stages
    )
    ranked = replace(plain, stages=stages, validation={"pair_accuracy": 0.93217})
    assert epoch_line(ranked) == (
        "epoch 0: loss 0.0214, k 0.900, 1,234 pairs, coverage 100.0%, pair accuracy 0.9322, 51.0 s"
    )
    assert drawn(run_of(ranked), 5) == [["0", "0.0214", "0.900", "1,234", "100.0%", "0.9322", "51.0", "s"]]


def test_figures_come_stage_by_stage_and_epochs_to_come_are_not_shown():
    assert drawn(run_of(epoch(0, "ccccc"), epoch(1, "cccb-"), epoch(2, "-----")), 9) == [
        ["0", "0.0214", "0.900", "41,200", "98.2%", "0.9753", "0.9000", "51.0", "s"],
        ["1", "–", "0.900", "41,200", "98.2%", "–", "–", "6.0", "s"],
    ]


def test_more_epochs_than_the_screen_has_lines_are_counted():
    lines = drawn(run_of(*(epoch(number, "ccccc") for number in range(12))), 4)
    assert [line[0] for line in lines] == ["9", "9", "10", "11"]
    assert lines[0] == ["9", "before"]


@pytest.mark.parametrize(
    ("epochs", "left"),
    [
        (("ccccc", "-----"), 51.0),
        (("ccccc", "ppppp", "cccb-", "-----"), 45.0 + 51.0),
        (("ccccc", "ccccc"), 0.0),
        (("cccb-", "-----"), None),  # nobody knows how long training takes
    ],
)
def test_stages_to_come_take_as_long_as_their_like(epochs, left):
    assert seconds_left(run_of(*(epoch(number, states) for number, states in enumerate(epochs)))) == left


def test_at_work_names_the_stage_and_the_time_left():
    assert at_work(run_of(epoch(0, "ccccc"), epoch(1, "cccb-"))) == (
        "train of epoch 1: 1 of 4 tasks; the run has about 45.0 s left"
    )
    assert at_work(run_of(epoch(0, "-----"))) == "no stage has begun"


@pytest.mark.parametrize("terminal", [False, True])
def test_watch_follows_until_the_run_is_finished(monkeypatch, terminal):
    looks = iter(
        [
            run_of(epoch(0, "ccccc"), epoch(1, "ccb--")),
            run_of(epoch(0, "ccccc"), epoch(1, "cccb-")),
            run_of(epoch(0, "ccccc"), epoch(1, "ccccc")),
        ]
    )
    monkeypatch.setattr("tripletmine.flows.terminal.watch.read_status", lambda _: next(looks))
    page, waited = io.StringIO(), []
    console = Console(file=page, width=120, force_terminal=terminal, _environ={})
    watch_run(Path(), console, pause=waited.append)
    assert len(waited) == 2
    if terminal:
        assert "mine of epoch 1: 1 of 4 tasks" in page.getvalue()
        assert "train of epoch 1: 1 of 4 tasks" in page.getvalue()
    else:
        assert [line.partition(":")[0] for line in page.getvalue().splitlines()] == ["epoch 0", "epoch 1"]
