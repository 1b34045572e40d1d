"""Errors of commands about triplets name their options, wherever the error is found."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from ..conftest import write_run


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["suspects", "--out", "suspects", "--minimum-score", "2"],
            "--minimum-score is 2.0 but must be above 0",
        ),
        (["audit", "--epoch", "3"], "--epoch is 3 but"),
        (["triplets", "--out", "t.jsonl", "--epoch", "3"], "--epoch is 3 but"),
    ],
)
def test_options_are_named(
    command: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    np.savez("x.npz", embeddings=vectors, labels=np.arange(60) % 3)
    tm.mine_files("x.npz", None, "out", normalise=True)
    result = CliRunner().invoke(app, [command[0], "out", *command[1:]])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"tripletmine: {message}")


def test_mine_names_its_options_where_a_run_names_keys(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    np.save(tmp_path / "x.npy", vectors)
    lists = pa.table({"label": [[f"c{row % 3}", "old"] for row in range(60)]})
    pq.write_table(lists, tmp_path / "labels.parquet")
    for options, message in (
        (
            ["--label-separator", "|", "--labels", "labels.parquet"],
            "remove --label-separator, which is for strings",
        ),
        (["--labels", "nowhere.npy"], "nowhere.npy does not exist: correct its path"),
        ([], "--labels is missing but"),
    ):
        given = [str(tmp_path / word) if "." in word else word for word in options]
        out = ["--embeddings", str(tmp_path / "x.npy"), "--normalise", "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(app, ["mine", *out, *given])
        assert result.exit_code == 1
        assert message in result.stderr
        assert "data." not in result.stderr


def test_status_says_what_a_stage_remarked(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    sparse = '[graph]\nmethod = "hnsw"\nm = 3\neffort = 33\nrecall_target = 1.0\n'
    path.write_text(path.read_text().replace("[graph]\n", sparse))
    run = CliRunner().invoke(app, ["run", str(path), "--no-prefect"])
    assert run.exit_code == 0, run.output
    page = CliRunner().invoke(app, ["status", str(path)]).stdout
    remark = "is below graph.recall_target = 1.0: raise graph.effort (now 33)"
    assert remark in run.stderr
    (line,) = [line for line in page.splitlines() if remark in line]
    assert line.startswith("graph of epoch 1: the recall of its table, 0.")
