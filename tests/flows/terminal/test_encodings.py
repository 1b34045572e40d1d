"""Whatever encoding a terminal has, each command says what it has to say."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ..conftest import write_run

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1:strict"}
MENDED = {**ASCII, "PYTHONUTF8": "1", "PYTHONIOENCODING": "ascii"}
DIGITS = Path(__file__).parents[3] / "flows" / "examples" / "digits.toml"
LABELS = ("größer", "猫", "oak")


COMMANDS = """
import sys
from tripletmine.flows.cli import main
for words in "\\n".join(sys.argv[1:]).split("\\n\\n"):
    sys.argv = ["tripletmine", *words.split("\\n")]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    print("\\x1e", code, "\\x1e", sep="", flush=True)
"""
"""Runs commands, with an empty word between them, one after the other: an encoding holds for a whole process, which
takes longer to start than most commands take."""

ASKED = [
    (ASCII, ("check", "DIGITS"), 0, r"8 \xd7 8"),
    (ASCII, ("inspect", "RUN"), 0, r"gr\xf6\xdfer"),
    (ASCII, ("mine", "--help"), 0, "Usage"),
    (LATIN_1, ("inspect", "RUN"), 0, "größer"),
    (LATIN_1, ("status", "RUN"), 0, r"\u2013"),
    # A message keeps its substance; for a name that the file system cannot take, it says the remedy.
    (ASCII, ("check", "MISSING"), 1, "does not exist"),
    (ASCII, ("check", "NAMED"), 1, "set PYTHONUTF8=1"),
    (MENDED, ("check", "NAMED"), 0, ""),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    """Exit code and output for each of ASKED, on a run whose labels need UTF-8, finished in an ASCII-only terminal."""
    path = write_run(tmp_path_factory.mktemp("labels"))
    held = dict(np.load(path.parent / "trees.npz"))
    np.savez(path.parent / "trees.npz", vectors=held["vectors"], labels=np.repeat(LABELS, 60))
    named = path.with_name("named.toml")
    named.write_text(path.read_text().replace('"tiny"', '"größer"'), encoding="utf-8")
    places = {"DIGITS": DIGITS, "RUN": path, "MISSING": path.with_name("größer.toml"), "NAMED": named}
    found: dict[int, tuple[int, str]] = {}
    for encoding in (ASCII, LATIN_1, MENDED):
        asked = [number for number, (of, *_) in enumerate(ASKED) if of is encoding]
        words = [[str(places.get(word, word)) for word in ASKED[number][1]] for number in asked]
        first = [["run", str(path), "--no-prefect"]] if encoding is ASCII else []
        answered = said_by(encoding, [*first, *words])
        if first:
            code, said = answered.pop(0)
            assert code == 0, said
        found |= zip(asked, answered, strict=True)
    return [found[number] for number in range(len(ASKED))]


def said_by(encoding: dict[str, str], commands: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Exit code of each command and its output on both streams, which are pipes."""
    kept = {name: value for name, value in os.environ.items() if name not in {*ASCII, *LATIN_1}}
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, *[word for words in commands for word in (*words, "")][:-1]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, **encoding},
        check=False,
    )
    told = ended.stdout.decode("latin-1" if encoding is LATIN_1 else "ascii").split("\x1e")
    assert ended.returncode == 0, told
    return [(int(code), said) for said, code in zip(told[0:-1:2], told[1::2], strict=True)]


@pytest.mark.parametrize("number", range(len(ASKED)), ids=[" ".join(words) for _, words, *_ in ASKED])
def test_what_an_encoding_lacks_is_written_as_an_escape(number: int, answers: list[tuple[int, str]]) -> None:
    _, _, expected, shown = ASKED[number]
    code, said = answers[number]
    assert code == expected, said
    assert shown in said
    assert "UnicodeEncodeError" not in said
