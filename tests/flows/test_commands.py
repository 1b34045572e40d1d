"""What the commands print about a run that is finished."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from .conftest import grow, write_run

run_cli = CliRunner().invoke


def told(*arguments):
    result = run_cli(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def lines_with(text, word):
    return [line.split() for line in text.splitlines() if line.strip().startswith(word)]


def test_check_resolves_the_run_and_writes_nothing(run_file):
    before = sorted(run_file.parent.rglob("*"))
    page = told("check", run_file)
    assert "138 train, 13 validation, 29 test" in page
    assert "3 in training, of which 0 have one row" in page
    assert lines_with(page, "batches")[0][1:3] == ["class_balanced:", "a"]
    assert lines_with(page, "graph      neighbours")[0][:5] == ["graph", "neighbours", "1", "1", "138"]
    assert re.search(r"disk: at most [\d.]+ \w+ needed, [\d.]+ \w+ free", page)
    assert sorted(run_file.parent.rglob("*")) == before


def test_check_counts_rows_with_several_labels(tmp_path):
    run_file = write_run(tmp_path)
    assert "several labels" not in told("check", run_file)
    with np.load(tmp_path / "trees.npz") as saved:
        vectors, labels = saved["vectors"], saved["labels"].tolist()
    labels[::2] = [f"{name}|old" for name in labels[::2]]
    np.savez(tmp_path / "trees.npz", vectors=vectors, labels=labels)
    run_file.write_text(run_file.read_text().replace("[encoder]", 'label_separator = "|"\n[encoder]'))
    line = next(line for line in told("check", run_file).splitlines() if "several labels" in line)
    assert sum(map(int, re.findall(r"\d+", line))) == 90, line


def test_check_names_labels_that_look_alike(tmp_path):
    run_file = write_run(tmp_path)
    with np.load(tmp_path / "trees.npz") as saved:
        vectors, labels = saved["vectors"], saved["labels"]
    labels[labels == "ash"], labels[labels == "elm"] = "1", "1.0"
    np.savez(tmp_path / "trees.npz", vectors=vectors, labels=labels)
    page = " ".join(told("check", run_file).split())
    assert "labels look alike but are different classes: '1' and '1.0'" in page


def test_check_refuses_a_disk_that_is_too_small(run_file, monkeypatch):
    monkeypatch.setattr("tripletmine.flows.commands.on_runs.check.shutil.disk_usage", lambda path: Disk())
    result = run_cli(app, ["check", str(run_file)])
    assert result.exit_code == 1
    assert "has 100 B free" in result.stderr


class Disk:
    """A disk that is nearly full."""

    free = 100


def test_status_shows_stages_k_and_metrics(finished):
    page = told("status", finished.parent / "runs" / "tiny")
    (warm_up,) = lines_with(page, "0 warm-up")
    assert warm_up.count("s") == 2
    _, mined = lines_with(page, "1 ")
    k, met, *recall = (float(value.rstrip("%")) for value in mined[1:7])
    assert 0.9 < k < 1.1
    assert 0 < met <= 100
    assert recall == sorted(recall)
    assert 0 < recall[0] <= 1
    assert "best epoch on validation" in page
    assert "test against train" in page
    assert "finished" in page


def test_a_run_ends_with_its_metrics_and_where_they_are(finished):
    root = finished.parent / "runs" / "tiny"
    page = told("run", finished, "--no-prefect")
    metrics = page[: page.index("results: ")].strip()
    assert "MAP@R" in metrics
    assert "test" in metrics
    assert metrics in told("status", root)
    assert f"results: {root}" in page


def test_status_takes_the_run_file_as_well(finished):
    assert told("status", finished) == told("status", finished.parent / "runs" / "tiny")


def test_status_of_an_unfinished_run_names_the_command_that_continues_it(finished, tmp_path):
    shutil.copytree(finished.parent, tmp_path / "copy")
    run_file = tmp_path / "copy" / finished.name
    root = run_file.parent / "runs" / "tiny"
    shutil.rmtree(root / "test")
    assert f"tripletmine run {run_file} continues it" in " ".join(told("status", run_file).split())
    assert "tripletmine run RUN_FILE continues it" in " ".join(told("status", root).split())
    assert "continues it" not in told("status", finished)


def test_status_of_a_run_that_has_not_begun_is_an_error(run_file):
    result = run_cli(app, ["status", str(run_file)])
    assert result.exit_code == 1
    assert "is not a run directory" in result.stderr


def test_inspect_counts_what_is_in_the_files(finished):
    page = told("inspect", finished, "--epoch", 1, "--hardest", 3)
    root = finished.parent / "runs" / "tiny"
    counts = json.loads((root / "epochs/0001/mine/manifest.json").read_text())["report"]["counts"]
    assert lines_with(page, "triplets ") == [["triplets", f"{counts['triplets']:,}"]]
    assert lines_with(page, "anchors ")[0] == ["anchors", "138"]
    hinges = [
        float(line.split()[-1])
        for line in page.splitlines()
        if re.match(r" \d+ +\d+ +\d+ +(ash|elm|oak)", line)
    ]
    assert len(hinges) == 3
    assert hinges == sorted(hinges, reverse=True)


def test_inspect_of_a_warm_up_epoch_says_why_not(finished):
    result = run_cli(app, ["inspect", str(finished), "--epoch", "0"])
    assert result.exit_code == 1
    assert "warm-up epochs do not mine" in " ".join(result.stderr.split())


def test_commands_about_triplets_take_a_run_and_say_which_epoch(finished, tmp_path):
    root = finished.parent / "runs" / "tiny"
    folder = root / "epochs/0001/mine"
    assert told("inspect", finished).startswith("epoch 1, the best on validation")
    assert (
        told("inspect", finished).partition(":")[2] == told("inspect", root, "--epoch", 1).partition(":")[2]
    )
    for name, run in (("folder", folder), ("run", root), ("file", finished)):
        page = told("triplets", run, "--out", tmp_path / f"{name}.jsonl")
        told("suspects", run, "--out", tmp_path / f"{name}-suspects", "--minimum-score", 0.1)
        audited = told("audit", run)
        assert "no violation" in audited
        assert ("epoch 1, the best on validation" in page) is (name != "folder")
        assert ("epoch 1, the best on validation" in audited) is (name != "folder")
    texts = {(tmp_path / f"{name}.jsonl").read_bytes() for name in ("folder", "run", "file")}
    listed = [pq.read_table(tmp_path / f"{name}-suspects/mislabelled.parquet") for name in ("folder", "run")]
    assert len(texts) == 1
    assert listed[0].equals(listed[1])
    for command in (["audit"], ["suspects", "--out", "x"], ["triplets", "--out", "x"], ["inspect"]):
        result = run_cli(app, [*command, str(root), "--epoch", "0"])
        assert result.exit_code == 1
        assert "epoch 0 of" in result.stderr
        assert "choose one of these" in result.stderr


def test_export_writes_an_encoder_that_loads(finished, tmp_path):
    told("export", finished, "--out", tmp_path / "encoder")
    from tripletmine.pipeline.standalone.exported_encoder import Encoder

    encoder = Encoder.load(tmp_path / "encoder")
    assert encoder.item_shape == (8,)


def test_a_finished_run_is_only_checked(finished):
    root = finished.parent / "runs" / "tiny"
    files = {path: path.stat().st_mtime_ns for path in Path(root, "epochs").rglob("*") if path.is_file()}
    result = run_cli(app, ["run", str(finished)])
    assert result.exit_code == 0
    assert "already there: train of epoch 0 to test, 8 stages" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in files} == files
    # There is nothing to show in Prefect, so no server was started.
    assert not (root / ".prefect").exists()


def test_epoch_without_from_stage_is_refused(finished):
    result = run_cli(app, ["run", str(finished), "--epoch", "1"])
    assert result.exit_code == 1
    assert "--from-stage is missing" in result.stderr


@pytest.mark.parametrize("executor", ["dusk", "127.0.0.1:8786"])
def test_an_unknown_executor_is_refused(executor, finished):
    result = run_cli(app, ["run", str(finished), "--executor", executor])
    assert result.exit_code == 1
    assert "tcp://127.0.0.1:8786" in result.stderr


def test_redoing_a_stage_redoes_what_follows(run_file):
    # Epoch 1 trains again from the checkpoint of epoch 0.
    run_file.write_text(run_file.read_text().replace("[data]", 'keep = { checkpoints = "all" }\n[data]'))
    told("run", run_file, "--no-prefect")
    triplets = next((run_file.parent / "runs/tiny/epochs/0001/mine/triplets").glob("*.parquet"))
    before = triplets.read_bytes()
    result = run_cli(app, ["run", str(run_file), "--no-prefect", "--from-stage", "mine", "--epoch", "1"])
    assert result.exit_code == 0
    assert "redoing 4 stages from mine of epoch 1 on" in result.stderr
    assert "already there: train of epoch 0 to graph of epoch 1, 4 stages" in result.stderr
    assert triplets.read_bytes() == before
    assert not (run_file.parent / "runs/tiny/aside").exists()


def test_new_data_are_accepted_from_the_first_stage_only(run_file):
    told("run", run_file, "--no-prefect")
    grow(run_file)
    for options in (
        [],
        ["--from-stage", "evaluate", "--epoch", "0"],
        ["--from-stage", "mine", "--epoch", "1"],
    ):
        result = run_cli(app, ["run", str(run_file), "--no-prefect", *options])
        assert result.exit_code == 1
        assert "changed: 1 file changed (trees.npz); set it back" in " ".join(result.stderr.split())
    remedy = re.findall(r"--from-stage \w+ --epoch \d+", " ".join(result.stderr.split()))[0].split()
    assert not (run_file.parent / "runs/tiny/aside").exists()

    result = run_cli(app, ["run", str(run_file), "--no-prefect", *remedy])
    assert result.exit_code == 0, result.output
    assert "its 8 stages are done again" in " ".join(result.stderr.split())
    assert "already there" not in result.stderr
    assert pq.read_table(run_file.parent / "runs/tiny/rows.parquet").num_rows == 192
    assert not (run_file.parent / "runs/tiny/aside").exists()
    assert "already there: train of epoch 0 to test, 8 stages" in run_cli(app, ["run", str(run_file)]).stderr
