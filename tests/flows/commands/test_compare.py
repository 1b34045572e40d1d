"""`tripletmine compare`: runs side by side."""

import re
import shutil
from pathlib import Path

import pytest
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from ..conftest import write_run

run_cli = CliRunner().invoke


def told(*arguments: object) -> str:
    result = run_cli(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def same_data(folder: Path, finished: Path) -> Path:
    """A run file beside the data files of a finished run, with the same modification times."""
    path = write_run(folder)
    shutil.copystat(finished.parent / "trees.npz", folder / "trees.npz")
    return path


@pytest.fixture(scope="module")
def unmined(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """The run file of a finished run that differs from the other by not mining."""
    path = same_data(tmp_path_factory.mktemp("unmined"), finished)
    text = path.read_text().replace('name = "tiny"', 'name = "unmined"')
    path.write_text(text.replace("[train]", "[train]\nwarmup_epochs = 2"))
    told("run", path, "--no-prefect")
    return path


def cells(page: str, title: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.strip().startswith(title))
    return re.split(r"\s{2,}", line.strip())


def test_figures_stand_side_by_side_and_then_what_was_mined(finished, unmined):
    page = told("compare", finished, unmined)
    assert "Not comparable" not in page
    _, one, other, difference = cells(page, "test MAP@R")
    assert float(difference) == pytest.approx(float(one) - float(other), abs=2e-4)
    assert difference[0] in "+-"
    assert cells(page, "triplets mined")[2] == "–"
    assert cells(page, "train.warmup_epochs") == ["train.warmup_epochs", "1", "2"]
    assert "that tiny mined in epoch 1" in page
    assert "that unmined mined" not in page
    assert cells(page, "anchor and positive")[1] == "negative"
    assert f"`tripletmine suspects {finished.parent / 'runs/tiny'} --out DIR`" in page
    assert page.index("test MAP@R") < page.index("that tiny mined") < page.index("Next:")


def test_three_runs_are_each_held_against_the_first(finished, unmined):
    page = told("compare", unmined, finished, unmined.parent / "runs/unmined")
    assert "unmined (1) and unmined (3) are the same run" in page
    assert f"\nunmined (3): {unmined.parent / 'runs/unmined'}\n" in page
    _, *values = cells(page, "test MAP@R")
    assert len(values) == 3 + 2
    assert values[4] == "+0.0000"


def test_doubts_come_first_and_in_one_message(finished, unmined, tmp_path):
    other = same_data(tmp_path, finished)
    other.write_text(other.read_text().replace("[run]", "[run]\nseed = 5").replace('"tiny"', '"seeded"'))
    told("run", other, "--no-prefect")
    shutil.rmtree(tmp_path / "runs/seeded/test")
    page = told("compare", unmined, other)
    assert page.startswith("Not comparable as they are: ")
    message = page.splitlines()[0]
    assert "unmined and seeded have other rows in their splits (run.seed is 0 and 5)" in message
    assert "seeded is not finished" in message
    assert cells(page, "test MAP@R")[2] == "–"


def test_damaged_triplets_take_nothing_from_the_figures(finished, unmined, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(finished.parent / "runs/tiny", root)
    part = next(root.glob("epochs/0001/mine/triplets/*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    page = told("compare", root, unmined)
    assert "What tiny mined cannot be shown: " in page
    assert "--from-stage mine --epoch 1" in page
    assert cells(page, "test MAP@R")[1] != "–"


def test_one_run_is_too_few_and_a_folder_that_is_none_is_named(finished, tmp_path):
    result = run_cli(app, ["compare", str(finished)])
    assert result.exit_code == 1
    assert "a comparison needs two runs: name another one" in result.stderr
    result = run_cli(app, ["compare", str(finished), str(tmp_path)])
    assert result.exit_code == 1
    assert f"{tmp_path} is not a run directory" in " ".join(result.stderr.split())
