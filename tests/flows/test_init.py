"""`tripletmine init` writes run files that load."""

import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.commands.on_runs.init import example_names
from tripletmine.pipeline.runfile.load import load_spec
from typer.testing import CliRunner

run_cli = CliRunner().invoke


@pytest.fixture(autouse=True)
def _in_a_fresh_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_examples_are_the_promised_ones():
    assert example_names() == ["arrays", "digits", "fashion-mnist", "image-folder", "table"]


@pytest.mark.parametrize("name", example_names())
def test_an_example_is_a_valid_run_file(name, tmp_path):
    assert run_cli(app, ["init", name]).exit_code == 0
    assert load_spec(tmp_path / f"{name}.toml").data.kind == name


def test_out_chooses_the_file(tmp_path):
    assert run_cli(app, ["init", "digits", "--out", "mine.toml"]).exit_code == 0
    assert load_spec(tmp_path / "mine.toml").run.name == "digits"


def test_an_existing_file_is_kept(tmp_path):
    (tmp_path / "digits.toml").write_text("mine")
    result = run_cli(app, ["init", "digits"])
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert (tmp_path / "digits.toml").read_text() == "mine"


def test_an_unknown_example_lists_the_known_ones():
    result = run_cli(app, ["init", "mnist"])
    assert result.exit_code == 1
    assert "fashion-mnist" in result.stderr
