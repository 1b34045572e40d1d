"""A message and the remedies that it names: each is carried out, and must work."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tripletmine.flows.cli import app
from typer.testing import CliRunner


@dataclass(frozen=True)
class Place:
    """A copy of a finished run, in a folder of its own."""

    run_file: Path

    @property
    def root(self) -> Path:
        """The run directory."""
        return self.run_file.parent / "runs" / "tiny"

    @property
    def out(self) -> Path:
        """Where a command may write."""
        return self.run_file.parent / "out"

    def ask(self, *words: str) -> tuple[int, str]:
        """Exit code and output, on one line. RUN_FILE, RUN, MINED (of epoch 1) and OUT stand for paths."""
        mined = self.root / "epochs/0001/mine"
        places = {"RUN_FILE": self.run_file, "RUN": self.root, "MINED": mined, "OUT": self.out}
        result = CliRunner().invoke(app, [str(places.get(word, word)) for word in words])
        return result.exit_code, " ".join(result.output.split())

    def change(self, old: str, new: str) -> None:
        """Edit the run file."""
        text = self.run_file.read_text(encoding="utf-8")
        assert old in text
        self.run_file.write_text(text.replace(old, new), encoding="utf-8")


RUN = ("run", "RUN_FILE", "--no-prefect")

Mend = Callable[[Place, str], object]
"""Carries out one of the remedies, given the message."""


@dataclass(frozen=True)
class Case:
    """broken: causes the fault. asked: the command that finds it, and that works after any one of `mends`.

    says: a regular expression that its message must contain.
    """

    broken: Callable[[Place], object]
    says: str
    mends: tuple[Mend, ...]
    asked: tuple[str, ...] = RUN

    def require(self, place: Place, mend: Mend) -> None:
        """Check that the command fails before the remedy, and works after it."""
        self.broken(place)
        code, said = place.ask(*self.asked)
        assert code == 1, said
        assert re.search(self.says, said), said
        assert "please report" not in said
        mend(place, said)
        code, said = place.ask(*self.asked)
        assert code == 0, said


def copied(finished: Path, folder: Path) -> Place:
    """A copy of the finished run, in another folder."""
    shutil.copytree(finished.parent, folder / "copy")
    return Place(folder / "copy" / finished.name)


def redo(place: Place, said: str) -> None:
    """Redo with the options that the message names."""
    options = re.search(r"--from-stage \w+( --epoch \d+)?", said)
    assert options, said
    code, answer = place.ask(*RUN, *options[0].split())
    assert code == 0, answer


def delete_what_is_named(place: Place, said: str) -> None:
    """Delete the first file that the message names."""
    (path,) = re.findall(rf"{place.root}/\S+?\.(?:json|parquet)", said)[:1]
    Path(path).unlink()


def run_again(place: Place, _: str) -> None:
    """Let the run go on."""
    code, said = place.ask(*RUN)
    assert code == 0, said


def repair(place: Place, _: str) -> None:
    """`verify --repair`."""
    code, said = place.ask("verify", "RUN_FILE", "--repair")
    assert code == 0, said


def edit(old: str, new: str) -> Mend:
    """Change the run file."""
    return lambda place, _: place.change(old, new)
