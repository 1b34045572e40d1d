"""The remedies in the messages of single commands work."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tripletmine.mining.compute import machine
from tripletmine.pipeline.storage.lock import exclusive_lock

from .case import RUN, Case, Place, copied, edit


def beside(*files: str) -> Callable[[Place], object]:
    """These files are there already."""

    def make(place: Place) -> None:
        for name in files:
            path = place.run_file.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def removed(place: Place, _: str) -> None:
    """Remove what was in the way."""
    path = place.out
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def new_run(place: Place) -> None:
    """A run that has not begun."""
    shutil.rmtree(place.root)


def with_graph(text: str) -> Callable[[Place], object]:
    """A run that has not begun, with other keys in [graph]."""

    def make(place: Place) -> None:
        new_run(place)
        place.change("neighbours = 30", text)

    return make


def to(place: Place, said: str) -> int:
    """The number that the message names last."""
    return int(said.rpartition("to at most ")[2].split()[0])


CASES = {
    "export into a folder that is not empty": Case(
        beside("out/mine.txt"),
        r"is not empty: choose another folder",
        (removed,),
        ("export", "RUN", "--out", "OUT"),
    ),
    "export onto a file": Case(
        beside("out"), r"is a file: choose another folder", (removed,), ("export", "RUN", "--out", "OUT")
    ),
    "triplets onto a file": Case(
        beside("out"),
        r"exists already: choose another name, or remove it",
        (removed,),
        ("triplets", "RUN", "--out", "OUT"),
    ),
    "an example onto a file": Case(
        beside("out"),
        r"exists already: remove it, or choose another name with --out",
        (removed,),
        ("init", "digits", "--out", "OUT"),
    ),
    "a file in place of the run directory": Case(
        lambda place: (new_run(place), place.root.touch()),
        r"is a file: choose another",
        (
            lambda place, _: place.root.unlink(),
            edit('name = "tiny"', 'name = "tiny"\ndirectory = "elsewhere"'),
        ),
    ),
    "somebody's files in the run directory": Case(
        lambda place: (new_run(place), place.root.mkdir(), (place.root / "notes.txt").touch()),
        r"is not empty and not a run .*: choose another, or empty it",
        (
            lambda place, _: (place.root / "notes.txt").unlink(),
            edit('name = "tiny"', 'name = "tiny"\ndirectory = "elsewhere"'),
        ),
    ),
    "too many neighbours": Case(
        with_graph("neighbours = 999"),
        r"graph\.neighbours is 999 .*: lower it to at most \d+",
        (lambda place, said: place.change("neighbours = 999", f"neighbours = {to(place, said)}"),),
    ),
    "too many parts": Case(
        with_graph("neighbours = 30\nparts = 50"),
        r"graph\.parts is 50 .*: lower it to at most \d+",
        (lambda place, said: place.change("parts = 50", f"parts = {to(place, said)}"),),
    ),
}


@pytest.mark.parametrize(
    ("name", "position"),
    [(name, position) for name, case in CASES.items() for position in range(len(case.mends))],
)
def test_each_remedy_works(name: str, position: int, finished: Path, tmp_path: Path) -> None:
    case = CASES[name]
    case.require(copied(finished, tmp_path), case.mends[position])


def test_a_run_in_use_goes_on_when_the_other_ends_or_elsewhere(finished: Path, tmp_path: Path) -> None:
    place = copied(finished, tmp_path)
    with exclusive_lock(place.root / ".lock"):
        code, said = place.ask(*RUN)
        assert code == 1
        assert f"is in use by process {os.getpid()}" in said
        assert "wait until it ends, or give this run another run.directory" in said
        place.change('name = "tiny"', 'name = "tiny"\ndirectory = "elsewhere"')
        code, said = place.ask(*RUN)
        assert code == 0, said
    place.change('\ndirectory = "elsewhere"', "")
    code, said = place.ask(*RUN)
    assert code == 0, said


def test_too_little_memory_of_the_machine_is_helped_by_a_larger_one(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied(finished, tmp_path)
    new_run(place)
    monkeypatch.setattr(machine, "memory_limit", lambda: 900 * 2**20)
    code, said = place.ask(*RUN)
    assert code == 1
    assert "MiB but this machine or container has 900 MiB" in said
    assert "start the run in a larger one" in said
    monkeypatch.setattr(machine, "memory_limit", lambda: 4000 * 2**20)
    code, said = place.ask(*RUN)
    assert code == 0, said
