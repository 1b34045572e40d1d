"""The commands on a run that ranks items: what they show in place of classes and triplets."""

import re
from pathlib import Path

import pytest
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from ...pipeline.ranked import RANKED, write_ranked

RUN = "runs/ranked"


def said(*command: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(command), env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return re.sub(r"\s+", " ", result.output)


def test_commands_on_a_run_that_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_ranked(tmp_path)
    lines = (tmp_path / "pairs.csv").read_text().splitlines()
    first, second, _ = next(line for line in lines if line.startswith("train") and "better" in line).split(
        ","
    )
    (tmp_path / "pairs.csv").write_text("\n".join([*lines, f"{second},{first},better"]) + "\n")
    (tmp_path / "ranked.toml").write_text(RANKED)

    checked = said("check", "ranked.toml")
    assert "items 40 in training" in checked
    assert re.search(r"pairs with a better item: [1-9]\d+ train, [1-9]\d* validation, [1-9]\d* test", checked)
    contradicting = re.search(r"\d+ of the \d+ pairs of the train split contradict each other", checked)
    assert contradicting is not None
    assert "graph" not in checked

    ran = said("run", "ranked.toml", "--no-prefect")
    assert contradicting.group() in ran
    assert re.search(
        r"epoch 1: loss [\d.]+, k [\d.]+, [\d,]+ pairs, coverage [\d.]+%, pair accuracy [\d.]+", ran
    )
    status = said("status", RUN)
    assert "pair accuracy" in status
    assert "Kendall's τ" in status
    assert "R@1" not in status
    assert "τ in groups" not in status  # rows have no group
    assert "without a match" not in status
    assert re.search(r"test [\d.]+ [\d.]+ [\d.]+ 49 ", status), "the number of pairs is a whole one"
    for command in (
        ("inspect", RUN),
        ("audit", RUN),
        ("suspects", RUN, "--out", "s"),
        ("triplets", RUN, "--out", "t.jsonl"),
    ):
        refused = said(*command, code=1)
        assert "mines pairs instead of triplets: look at the tables in epochs/*/mine/pairs" in refused
    said("report", RUN, "--out", "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "pair accuracy" in page
    said("compare", RUN, RUN)
    said("export", RUN, "--epoch", "1", "--out", "encoder")
    assert "Pairs mined over the whole training split" in (tmp_path / "encoder" / "README.md").read_text()
    said("verify", RUN)
