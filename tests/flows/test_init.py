"""`tripletmine init` writes run files that load."""

import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.commands.on_runs.init import example_names
from tripletmine.pipeline.run.comparison.compared import settings_that_differ
from tripletmine.pipeline.runfile.load import load_spec
from typer.testing import CliRunner

run_cli = CliRunner().invoke


@pytest.fixture(autouse=True)
def _in_a_fresh_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_examples_are_the_promised_ones():
    assert example_names() == ["arrays", "digits", "fashion-mnist", "image-folder", "letters", "table"]


@pytest.mark.parametrize("name", example_names())
def test_an_example_is_a_valid_run_file(name, tmp_path):
    assert run_cli(app, ["init", name]).exit_code == 0
    assert load_spec(tmp_path / f"{name}.toml").data.kind == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("birds.toml", "birds"),
        (".my birds, 2.toml", "my-birds-2"),
        ("vögel.v2.toml", "vögel.v2"),
        ("!!.toml", "run"),
        (f"{'b' * 120}.toml", "b" * 100),
    ],
)
def test_out_chooses_the_file_and_names_the_run(file, name, tmp_path):
    assert run_cli(app, ["init", "image-folder", "--out", file]).exit_code == 0
    assert load_spec(tmp_path / file).run.name == name


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


def test_letters_are_two_run_files_that_differ_in_mining_only(tmp_path):
    result = run_cli(app, ["init", "letters", "--out", "mine.toml"])
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine-unmined.toml", "mine.toml"]
    specs = [load_spec(tmp_path / name) for name in ("mine.toml", "mine-unmined.toml")]
    assert {each.key: each.values for each in settings_that_differ(specs)} == {"mine.every": (1, "never")}
    assert [spec.run.name for spec in specs] == ["mine", "mine-unmined"]
    compare = "tripletmine compare mine.toml mine-unmined.toml"
    assert f"tripletmine run mine.toml, tripletmine run mine-unmined.toml, then {compare}" in result.stdout


def test_neither_file_is_written_where_one_is_there(tmp_path):
    (tmp_path / "letters-unmined.toml").write_text("mine")
    result = run_cli(app, ["init", "letters"])
    assert result.exit_code == 1
    assert "letters-unmined.toml exists already: remove it" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letters-unmined.toml"]
