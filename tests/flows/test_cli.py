"""The command line starts at once, and says what is wrong in one message."""

import subprocess
import sys

import pytest
from present import present
from tripletmine.flows.cli import app
from tripletmine.pipeline.errors import SpecError
from typer.testing import CliRunner

HEAVY = {
    "dask",
    "distributed",
    "hnswlib",
    "numba",
    "numpy",
    "prefect",
    "pyarrow",
    "pydantic",
    "sklearn",
    "torch",
    "zarr",
}

run_cli = CliRunner().invoke


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from tripletmine.flows.cli import main\n"
        "sys.argv = ['tripletmine', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(*(name.partition('.')[0] for name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *page, modules = ended.stdout.splitlines()
    assert "Usage" in page[0]
    assert not HEAVY & set(modules.split())


@pytest.mark.parametrize("command", [present(each.callback).__name__ for each in app.registered_commands])
def test_every_command_explains_itself(command):
    result = run_cli(app, [command, "--help"])
    assert result.exit_code == 0
    assert "--debug" in result.output


def test_wrong_usage_is_exit_code_2():
    assert run_cli(app, ["init"]).exit_code == 2
    assert run_cli(app, ["no-such-command"]).exit_code == 2


def test_an_error_is_one_message_and_exit_code_1(tmp_path):
    result = run_cli(app, ["check", str(tmp_path / "nowhere.toml")])
    assert result.exit_code == 1
    assert "nowhere.toml does not exist" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_debug_shows_the_traceback_as_well(tmp_path):
    result = run_cli(app, ["check", str(tmp_path / "nowhere.toml"), "--debug"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert SpecError.__name__ in result.stderr
