"""Readable lines, with and without a terminal."""

import io
import re

import pytest
from rich.console import Console
from tripletmine.flows.terminal.progress import PLAIN_SECONDS, TerminalProgress


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def told(clock, *, terminal=False):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, _environ={})
    return TerminalProgress(console, clock=clock), out


def test_a_stage_is_one_line(clock):
    progress, out = told(clock)
    with progress:
        progress.stage_started("embed of epoch 1", 1294, 0)
        progress.advance(1294)
        progress.stage_ended("embed of epoch 1", 1.26, False)
    (line,) = out.getvalue().splitlines()
    assert line.endswith("embed of epoch 1: done in 1.3 s")


def test_finished_stages_are_one_line_together(clock):
    progress, out = told(clock)
    with progress:
        for title in ("train of epoch 0", "evaluate of epoch 0", "embed of epoch 1"):
            progress.stage_started(title, 10, 10)
            progress.stage_ended(title, 0.0, True)
        progress.stage_started("graph of epoch 1", 10, 0)
        progress.stage_ended("graph of epoch 1", 1.0, False)
        progress.stage_started("mine of epoch 1", 10, 10)
        progress.stage_ended("mine of epoch 1", 0.0, True)
    assert [line.partition(" ")[2] for line in out.getvalue().splitlines()] == [
        "already there: train of epoch 0 to embed of epoch 1, 3 stages",
        "graph of epoch 1: done in 1.0 s",
        "already there: mine of epoch 1",
    ]


def test_a_continued_stage_says_what_was_kept(clock):
    progress, out = told(clock)
    progress.stage_started("mine of epoch 1", 2000, 500)
    assert "continues with 500 of 2,000 rows done" in out.getvalue()


def test_without_a_terminal_long_work_is_heard_of_now_and_then(clock):
    progress, out = told(clock)
    progress.stage_started("graph of epoch 1", 100, 0)
    for _ in range(10):
        clock.now += PLAIN_SECONDS / 3
        progress.advance(10)
    assert [line.partition(": ")[2] for line in out.getvalue().splitlines()] == [
        "30 % (30 of 100 rows)",
        "60 % (60 of 100 rows)",
        "90 % (90 of 100 rows)",
    ]


def test_on_a_terminal_there_is_a_bar(clock):
    progress, out = told(clock, terminal=True)
    with progress:
        progress.stage_started("graph of epoch 1", 100, 0)
        progress.advance(40)
        progress._live.refresh()
    assert "40/100" in out.getvalue()


def test_on_a_terminal_a_stage_shorter_than_a_refresh_has_its_bar(clock):
    progress, out = told(clock, terminal=True)
    with progress:
        for title in ("train of epoch 0", "evaluate of epoch 0"):
            progress.stage_started(title, 100, 0)
            progress.stage_ended(title, 0.0, False)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    for title in ("train of epoch 0", "evaluate of epoch 0"):
        assert re.search(rf"{title} ━+ +0/100 rows", text)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    out = io.StringIO()
    with TerminalProgress(Console(file=out, force_terminal=True, width=100), clock=clock) as progress:
        progress.stage_started("graph of epoch 1", 100, 0)
        clock.now += PLAIN_SECONDS
        progress.advance(40)
    assert out.getvalue().partition(" ")[2] == "graph of epoch 1: 40 % (40 of 100 rows)\n"


def test_square_brackets_are_text(clock):
    progress, out = told(clock)
    progress.note("[run] is [bold] here")
    assert "[run] is [bold] here" in out.getvalue()
