"""The command line starts at once, and says what is wrong in one message."""

import subprocess
import sys

import pytest
import tripletmine as tm
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
    "sklearn",
    "torch",
    "zarr",
}

run_cli = CliRunner().invoke


CLI = "import sys\nfrom tripletmine.flows.cli import main\nsys.argv[0] = 'tripletmine'\nmain()"


@pytest.mark.parametrize(
    ("program", "arguments", "says"),
    [
        ("import tripletmine", (), ""),
        (CLI, ("--help",), "Usage"),
        (CLI, ("check", "--help"), "Usage"),
        (CLI, ("--version",), "tripletmine 0."),
    ],
    ids=["import", "help", "check", "version"],
)
def test_nothing_heavy_is_imported_before_there_is_work(program, arguments, says):
    told_at_exit = "import atexit, sys\natexit.register(lambda: print(*sys.modules))\n"
    ended = subprocess.run(
        [sys.executable, "-c", told_at_exit + program, *arguments], capture_output=True, text=True, check=True
    )
    *page, modules = ended.stdout.splitlines()
    assert "\n".join(page).startswith(says)
    imported = {name.partition(".")[0] for name in modules.split()}
    assert "tripletmine" in imported
    assert not HEAVY & imported


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "tripletmine", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == f"tripletmine {tm.__version__}"


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
