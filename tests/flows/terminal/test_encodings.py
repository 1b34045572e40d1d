"""Whatever encoding a terminal has, each command says what it has to say."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ..conftest import write_run

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1:strict"}
DIGITS = Path(__file__).parents[3] / "flows" / "examples" / "digits.toml"
LABELS = ("größer", "猫", "oak")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a run whose labels need UTF-8, finished in a terminal that has ASCII only."""
    path = write_run(tmp_path_factory.mktemp("labels"))
    held = dict(np.load(path.parent / "trees.npz"))
    np.savez(path.parent / "trees.npz", vectors=held["vectors"], labels=np.repeat(LABELS, 60))
    code, said = tripletmine(ASCII, "run", str(path), "--no-prefect")
    assert code == 0, said
    return path


def tripletmine(encoding: dict[str, str], *words: str) -> tuple[int, str]:
    """Exit code and what was said on both streams, which are pipes."""
    kept = {name: value for name, value in os.environ.items() if name not in {*ASCII, *LATIN_1}}
    ended = subprocess.run(
        [sys.executable, "-m", "tripletmine", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, **encoding},
        check=False,
    )
    return ended.returncode, ended.stdout.decode("ascii" if encoding is ASCII else "latin-1")


@pytest.mark.parametrize(
    ("encoding", "command", "shown"),
    [
        (ASCII, ("check", "DIGITS"), r"8 \xd7 8"),
        (ASCII, ("inspect", "RUN"), r"gr\xf6\xdfer"),
        (LATIN_1, ("inspect", "RUN"), r"größer"),
        (LATIN_1, ("status", "RUN"), r"\u2013"),
        (ASCII, ("mine", "--help"), "Usage"),
    ],
)
def test_what_an_encoding_lacks_is_written_as_an_escape(
    run_file: Path, encoding: dict[str, str], command: tuple[str, ...], shown: str
) -> None:
    places = {"RUN": str(run_file), "DIGITS": str(DIGITS)}
    code, said = tripletmine(encoding, *(places.get(word, word) for word in command))
    assert code == 0, said
    assert shown in said
    assert "UnicodeEncodeError" not in said


def test_a_message_survives_and_names_what_it_is_about(run_file: Path) -> None:
    code, said = tripletmine(ASCII, "check", str(run_file.with_name("größer.toml")))
    assert code == 1
    assert "does not exist" in said


def test_a_name_that_the_file_system_cannot_take_has_a_remedy_that_works(run_file: Path) -> None:
    named = run_file.with_name("named.toml")
    named.write_text(run_file.read_text().replace('"tiny"', '"größer"'), encoding="utf-8")
    code, said = tripletmine(ASCII, "check", str(named))
    assert code == 1
    assert "set PYTHONUTF8=1" in said
    code, said = tripletmine({**ASCII, "PYTHONUTF8": "1", "PYTHONIOENCODING": "ascii"}, "check", str(named))
    assert code == 0, said
