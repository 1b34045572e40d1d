"""Data is data on a terminal: no markup, no escape sequences, nothing that turns or hides what follows."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tripletmine.flows.cli import app
from tripletmine.flows.terminal.progress import TerminalProgress
from tripletmine.flows.terminal.tables import table
from typer.testing import CliRunner

from ..conftest import write_run

LABELS = ("[/]", "[red]oak[/red] :smile:", "\x1b]0;owned\x07\x9b2J\u202emle\nd")
SHOWN = ("[/]", "[red]oak[/red] :smile:", r"\x1b]0;owned\x07\x9b2J\u202emle\nd")


def test_cells_are_lines_of_text() -> None:
    page = io.StringIO()
    Console(file=page, width=200, force_terminal=True, color_system="truecolor").print(
        table(("label", "n"), [(label, "1") for label in LABELS])
    )
    for shown in SHOWN:
        assert shown in page.getvalue()
    assert "\x1b]" not in page.getvalue()


def test_titles_and_notes_of_the_progress_are_text() -> None:
    page = io.StringIO()
    with TerminalProgress(Console(file=page, width=200, force_terminal=True, highlight=False)) as progress:
        progress.stage_started("mine [/] of epoch 1", 10, 0)
        progress.note(LABELS[2].replace("\n", ""))
        progress.advance(5)
        progress._bar.refresh()
        progress.stage_ended("mine [/] of epoch 1", 1.0, False)
    assert r"\x1b]0;owned\x07\x9b2J\u202emled" in page.getvalue()
    assert "mine [/] of epoch 1: done" in page.getvalue()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a finished run whose labels look like markup and escape sequences."""
    path = write_run(tmp_path_factory.mktemp("hostile"))
    with np.load(path.with_name("trees.npz")) as saved:
        vectors = saved["vectors"]
    np.savez(path.with_name("trees.npz"), vectors=vectors, labels=np.repeat(LABELS, 60))
    result = CliRunner().invoke(app, ["run", str(path), "--no-prefect"])
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.parametrize(
    "command", [["inspect", "runs/tiny", "--epoch", "1"], ["status", "runs/tiny"], ["check", "tiny.toml"]]
)
def test_hostile_labels_appear_as_text(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(hostile.parent)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert not {char for char in result.output if not char.isprintable()} - {"\n"}
    if command[0] == "inspect":
        assert all(shown.split()[0] in result.output for shown in SHOWN), result.output


def test_messages_are_text(tmp_path: Path) -> None:
    missing = tmp_path / "\x1b[2J[/]\u202e.toml"
    result = CliRunner().invoke(app, ["run", str(missing)])
    assert result.exit_code == 1
    assert r"\x1b[2J[/]\u202e.toml does not exist" in result.stderr
