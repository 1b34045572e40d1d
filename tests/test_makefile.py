"""The commands that `make run` calls, in order. What they do is tested elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tripletmine.pipeline.runfile.load import load_spec

ROOT = Path(__file__).parents[1]

STAND_IN = """#!/bin/sh
echo "$@" >> "{log}"
case "$1" in
    init) exec "{python}" -m tripletmine "$@" ;;
    "{fails}") exit 1 ;;
esac
"""
"""Logs its calls, and passes on only `init`, so that run files are really written."""


@pytest.fixture
def make_run(tmp_path: Path):
    """Run `make run` with a stand-in for `tripletmine`, and return exit code and calls. fails: the call that fails."""
    (tmp_path / "bin").mkdir()
    command, log = tmp_path / "bin/tripletmine", tmp_path / "calls"

    def run(fails: str = "none") -> tuple[int, list[list[str]]]:
        command.write_text(STAND_IN.format(log=log, python=sys.executable, fails=fails))
        command.chmod(0o755)
        log.write_text("")
        # The environment need not be made: this test runs in it.
        arguments = ["--old-file=environment", f"BIN={command.parent}", f"RUN_FOLDER={tmp_path}/try"]
        without_make = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        ended = subprocess.run(
            ["make", *arguments, "run"], cwd=ROOT, check=False, capture_output=True, env=without_make
        )
        return ended.returncode, [line.split() for line in log.read_text().splitlines()]

    return run


def test_it_writes_two_run_files_runs_both_and_compares_them(make_run, tmp_path):
    mined, unmined = f"{tmp_path}/try/letters.toml", f"{tmp_path}/try/letters-unmined.toml"
    work = [["run", unmined], ["run", mined], ["compare", mined, unmined]]
    assert make_run() == (0, [["init", "letters", "--out", mined], *work])
    assert load_spec(Path(mined)).data.kind == load_spec(Path(unmined)).data.kind == "letters"
    assert make_run() == (0, work), "run files that are there were to stay"


def test_it_ends_with_what_fails(make_run):
    code, calls = make_run(fails="run")
    assert code != 0
    assert [call[0] for call in calls] == ["init", "run"]
