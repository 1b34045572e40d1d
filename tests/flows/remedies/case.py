"""A message, and what it says that one should do: done, and seen to work."""

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
        """Exit code and what was said, on one line. RUN_FILE, RUN, MINED (of epoch 1) and OUT stand for places."""
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
"""Does one of the remedies. It is told what was said."""


@dataclass(frozen=True)
class Case:
    """broken: what goes wrong. asked: the command that finds it, and that works once any of `mends` was done.

    says: a part of its message, a regular expression.
    """

    broken: Callable[[Place], object]
    says: str
    mends: tuple[Mend, ...]
    asked: tuple[str, ...] = RUN

    def require(self, place: Place, mend: Mend) -> None:
        """See that the remedy is what helps."""
        self.broken(place)
        code, said = place.ask(*self.asked)
        assert code == 1, said
        assert re.search(self.says, said), said
        assert "please report" not in said
        mend(place, said)
        code, said = place.ask(*self.asked)
        assert code == 0, said


def copied(finished: Path, folder: Path) -> Place:
    """The run as it was left, elsewhere."""
    shutil.copytree(finished.parent, folder / "copy")
    return Place(folder / "copy" / finished.name)


def redo(place: Place, said: str) -> None:
    """With the options that the message gives."""
    options = re.search(r"--from-stage \w+( --epoch \d+)?", said)
    assert options, said
    code, answer = place.ask(*RUN, *options[0].split())
    assert code == 0, answer


def delete_what_is_named(place: Place, said: str) -> None:
    """The file with which the message begins."""
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
